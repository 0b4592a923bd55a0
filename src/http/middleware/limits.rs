//! What is refused before anyone reads it.

use axum::extract::{MatchedPath, Request};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::extract::json::MAX_BODY;
use crate::http::{Code, Problem};

/// Path and query, in bytes.
const MAX_URI: usize = 8 << 10;
/// Names and values of all header fields, in bytes.
const MAX_HEADERS: usize = 16 << 10;

pub(super) async fn enforce(request: Request, next: Next) -> Response {
    match refusal(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn refusal(request: &Request) -> Option<Problem> {
    let headers = request.headers();
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if request.version() == Version::HTTP_11 && !names_one_host(headers) {
        Some(Problem::new(Code::BAD_REQUEST).header(CONNECTION, HeaderValue::from_static("close")))
    } else if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > MAX_URI) {
        Some(Problem::new(Code::URI_TOO_LONG))
    } else if fields > MAX_HEADERS {
        Some(Problem::new(Code::HEADERS_TOO_LARGE))
    } else if length.is_some_and(|length| length > MAX_BODY as u64) {
        Some(Problem::new(Code::PAYLOAD_TOO_LARGE))
    } else if request.method() == Method::TRACE {
        Some(no_trace(request))
    } else {
        None
    }
}

/// One host, and one that can be read (RFC 9112 §3.2): where two could be meant, a proxy before us may have
/// meant the other.
fn names_one_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| Authority::try_from(host.as_bytes()).ok());
    host.is_some_and(|host| !host.as_str().contains('@')) && hosts.next().is_none()
}

/// TRACE would show a page the headers that its own scripts must not see. Where the path is known,
/// the router says what is allowed; elsewhere nothing is.
fn no_trace(request: &Request) -> Problem {
    let problem = Problem::new(Code::METHOD_NOT_ALLOWED);
    let is_known = request.extensions().get::<MatchedPath>().is_some();
    if is_known { problem } else { problem.header(ALLOW, HeaderValue::from_static("")) }
}
