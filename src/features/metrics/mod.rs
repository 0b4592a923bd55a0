//! `GET /metrics`, for Prometheus: on the listener for operators only, and in no document.

mod gauges;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::http::{Code, Problem};
use crate::state::AppState;
use crate::telemetry::metrics::Exposition;

pub use gauges::{look, observe, volume};

pub fn router() -> Router<AppState> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    look(&state).await;
    let exposition = asked_for(&headers);
    let text = state.metrics.scrape(exposition);
    let text = text.map_err(|error| Problem::new(Code::INTERNAL_ERROR).caused_by(error))?;
    Ok(([(CONTENT_TYPE, media_type(exposition))], text).into_response())
}

fn media_type(exposition: Exposition) -> &'static str {
    match exposition {
        Exposition::Text => "text/plain; version=0.0.4; charset=utf-8",
        Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }
}

/// OpenMetrics for whoever names it: Prometheus does, and prefers it. Everybody else gets plain text.
fn asked_for(headers: &HeaderMap) -> Exposition {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepted.any(|value| value.contains("application/openmetrics-text")) {
        Exposition::OpenMetrics
    } else {
        Exposition::Text
    }
}
