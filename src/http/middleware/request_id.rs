//! Names the request: `X-Request-Id`, the caller's if it is harmless, else a fresh one.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::http::extract::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn assign(
    State((clock, random)): State<(Clock, Random)>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::sane(request.headers().get(X_REQUEST_ID))
        .unwrap_or_else(|| RequestId::fresh(&clock, &random));
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}
