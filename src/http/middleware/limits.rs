//! What is refused before anyone reads it.

use axum::extract::{MatchedPath, Request};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, Version};
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
    if !is_host_clear(request) {
        Some(Problem::new(Code::BAD_REQUEST).header(CONNECTION, HeaderValue::from_static("close")))
    } else if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > MAX_URI) {
        Some(Problem::new(Code::URI_TOO_LONG))
    } else if fields > MAX_HEADERS {
        Some(Problem::new(Code::HEADERS_TOO_LARGE))
    } else if length.is_some_and(|length| length > MAX_BODY as u64) {
        // Nobody will read it.
        Some(Problem::new(Code::PAYLOAD_TOO_LARGE).header(CONNECTION, HeaderValue::from_static("close")))
    } else if request.method() == Method::TRACE {
        Some(no_trace(request))
    } else {
        None
    }
}

/// One host at most, one that can be read, with HTTP/1.1 one at least (RFC 9112 §3.2), and with HTTP/2 the one
/// of `:authority` (RFC 9113 §8.3.1): where two could be meant, a proxy before us may have meant the other.
fn is_host_clear(request: &Request) -> bool {
    let version = request.version();
    let meant = request.uri().authority().filter(|_| version == Version::HTTP_2);
    let is_sound = |host: &HeaderValue| {
        Authority::try_from(host.as_bytes())
            .is_ok_and(|host| !host.as_str().contains('@') && meant.is_none_or(|meant| *meant == host))
    };
    let mut hosts = request.headers().get_all(HOST).iter();
    match (version, hosts.next(), hosts.next()) {
        // HTTP/2 has it in `:authority`, and HTTP/1.0 need not say.
        (Version::HTTP_11, None, _) => false,
        (_, None, _) => true,
        (_, Some(host), None) => is_sound(host),
        (_, Some(_), Some(_)) => false,
    }
}

/// TRACE would show a page the headers that its own scripts must not see. Where the path is known,
/// the router says what is allowed; elsewhere nothing is.
fn no_trace(request: &Request) -> Problem {
    let problem = Problem::new(Code::METHOD_NOT_ALLOWED);
    let is_known = request.extensions().get::<MatchedPath>().is_some();
    if is_known { problem } else { problem.header(ALLOW, HeaderValue::from_static("")) }
}
