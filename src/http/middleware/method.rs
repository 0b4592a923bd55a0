//! How logs, traces and metrics spell a method: it can be any word, of any length.

use axum::http::Method;

/// Of a word that is none of ours, so many characters are told.
const TOLD: usize = 32;

/// Those that no route takes are one (OpenTelemetry's `http.request.method`).
pub(super) fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// What was sent where that is another word, or its beginning (`http.request.method_original`).
pub(super) fn original(method: &Method) -> Option<&str> {
    let sent = method.as_str();
    // Its characters are those of a token (RFC 9110 §5.6.2), of a byte each.
    (sent != name(method)).then(|| sent.get(..TOLD).unwrap_or(sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_method_of_ours_is_told_by_its_beginning() {
        let told = |word: &str| {
            let method = Method::from_bytes(word.as_bytes()).unwrap();
            (name(&method), original(&method).map(str::to_owned))
        };
        assert_eq!(told("GET"), ("GET", None));
        assert_eq!(told("get"), ("_OTHER", Some("get".into())));
        assert_eq!(told("TRACE"), ("_OTHER", Some("TRACE".into())));
        assert_eq!(told(&"X".repeat(60_000)), ("_OTHER", Some("X".repeat(TOLD))));
    }
}
