//! `Accept`, as far as it can be honoured: JSON is all there is, and a caller may not want it.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::{Code, Problem};

/// Refuses JSON to a reader that admits none: 406.
///
/// It looks at what came out, so that pages and images keep their own types, and only where nothing
/// was changed: elsewhere a 406 would hide that the work was done, and RFC 9110 §12.5.1 lets a server
/// disregard the header. Errors are always sent as they are.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let refuses_json = request.method().is_safe() && accept.is_some_and(|accept| !admits_json(accept));
    let response = next.run(request).await;
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if refuses_json && is_json && response.status().is_success() {
        return Problem::new(Code::NOT_ACCEPTABLE).into_response();
    }
    response
}

/// The most specific range that covers JSON decides (RFC 9110 §12.5.1); an empty list admits all.
fn admits_json(accept: &str) -> bool {
    let ranges = accept.split(',').map(str::trim).filter(|range| !range.is_empty());
    let mut best = (0, accept.trim().is_empty());
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let specificity = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/json" => 3,
            "application/*" => 2,
            "*/*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
        if specificity > best.0 {
            best = (specificity, weight.map_or(true, |weight| weight > 0.0));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_admitted_by_its_name_or_by_a_wildcard() {
        for accept in
            ["application/json", "text/html, */*;q=0.1", "application/*", "Application/JSON;q=0.5", "", "*/*"]
        {
            assert!(admits_json(accept), "{accept:?}");
        }
        for accept in
            ["image/png", "text/html;q=1, text/*", "application/json;q=0, */*", "*/*;q=0", "application/xml"]
        {
            assert!(!admits_json(accept), "{accept:?}");
        }
    }
}
