//! Writes the body of every error response, in the caller's language.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE,
    RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::base::language::Language;
use crate::http::extract::RequestId;
use crate::http::reply::Verbatim;
use crate::http::{Code, Problem};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What a plain error of the framework says that its problem must go on saying.
const KEPT: [HeaderName; 4] = [ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE];

pub(super) async fn problems(State(debug): State<bool>, request: Request, next: Next) -> Response {
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = Language::negotiate(header);
    let request_id: RequestId = request.extensions().get().cloned().unwrap_or_default();
    let is_head = request.method() == Method::HEAD;
    let response = described(next.run(request).await);
    match response.extensions().get::<Problem>() {
        None => response,
        Some(problem) => {
            let body = problem.body(language, request_id.as_str(), debug);
            let response = write(response, serde_json::to_vec(&body).unwrap_or_default(), language);
            if is_head { response.map(|_| Body::empty()) } else { response }
        }
    }
}

/// Gives an error that nobody described (a plain rejection of the framework, a missing route) the
/// problem that belongs to its status.
fn described(plain: Response) -> Response {
    let is_error = plain.status().is_client_error() || plain.status().is_server_error();
    let extensions = plain.extensions();
    if !is_error || extensions.get::<Problem>().is_some() || extensions.get::<Verbatim>().is_some() {
        return plain;
    }
    let mut response = Problem::new(Code::for_status(plain.status())).into_response();
    let kept =
        KEPT.into_iter().filter_map(|name| plain.headers().get(&name).cloned().map(|value| (name, value)));
    response.headers_mut().extend(kept.collect::<HeaderMap>());
    response
}

fn write(mut response: Response, body: Vec<u8>, language: Language) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.append(VARY, HeaderValue::from_static("accept-language"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_LENGTH, body.len().into());
    *response.body_mut() = Body::from(body);
    response
}
