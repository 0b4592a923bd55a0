//! A request that takes too long is dropped, with all it was waiting for.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::{Code, Problem};

pub(super) async fn enforce(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(elapsed) => Problem::new(Code::TIMEOUT).caused_by(elapsed).into_response(),
    }
}
