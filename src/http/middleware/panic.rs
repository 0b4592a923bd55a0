//! A handler that panics answers 500; the others go on.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::http::{Code, Problem};
use crate::telemetry::logs;

pub(super) async fn catch(request: Request, next: Next) -> Response {
    // The handler's state dies with it; what is shared is guarded by locks that can be poisoned.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(payload) => Problem::new(Code::INTERNAL_ERROR).caused_by(message(&*payload)).into_response(),
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = logs::panicked_at().map(|place| format!(" at {place}")).unwrap_or_default();
    format!("panic{place}: {}", text.unwrap_or("no message"))
}
