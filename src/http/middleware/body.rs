//! A body has an end: in bytes and in time. Who reads it gets the error, and `extract` names it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::Limited;
use tower_http::timeout::DeadlineBody;

use crate::http::extract::json::MAX_BODY;

pub(super) async fn bound(State(deadline): State<Duration>, request: Request, next: Next) -> Response {
    next.run(request.map(|body| Body::new(DeadlineBody::new(deadline, Limited::new(body, MAX_BODY))))).await
}
