//! How long requests take, how many are under way, and what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};

use super::method::name;
use crate::http::Problem;

/// The instruments of a listener. Clones share them.
#[derive(Clone)]
pub struct Meters {
    duration: Histogram<f64>,
    under_way: Arc<AtomicI64>,
    problems: Counter<u64>,
}

/// From a look-up in memory to the time-out of a request.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl Meters {
    pub fn new(meter: &Meter) -> Self {
        Self {
            duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("Time from the head of a request to that of its answer")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            under_way: under_way(meter),
            problems: meter
                .u64_counter("http.server.problems")
                .with_unit("{problem}")
                .with_description("Errors that callers were answered with, by their code")
                .build(),
        }
    }
}

/// Counted beside the instrument, which is asked only when somebody looks.
fn under_way(meter: &Meter) -> Arc<AtomicI64> {
    let under_way = Arc::new(AtomicI64::new(0));
    let count = under_way.clone();
    meter
        .i64_observable_up_down_counter("http.server.active_requests")
        .with_unit("{request}")
        .with_description("Requests that are not answered yet")
        .with_callback(move |to| to.observe(count.load(Ordering::Relaxed), &[]))
        .build();
    under_way
}

/// Counts down whatever becomes of the request: a caller who hangs up drops it.
struct UnderWay<'a>(&'a Meters);

impl<'a> UnderWay<'a> {
    fn begin(meters: &'a Meters) -> Self {
        meters.under_way.fetch_add(1, Ordering::Relaxed);
        Self(meters)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a request came as far as its route.
#[derive(Clone, Default)]
struct Arrived(Arc<AtomicBool>);

/// Notes that nothing before the route has refused the request.
pub(super) fn arrive(request: Request) -> Request {
    if let Some(Arrived(arrived)) = request.extensions().get() {
        arrived.store(true, Ordering::Relaxed);
    }
    request
}

pub(super) async fn record(
    State(meters): State<Option<Meters>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(meters) = meters else { return next.run(request).await };
    let (begun, method) = (Instant::now(), name(request.method()));
    let route: Option<MatchedPath> = request.extensions().get().cloned();
    let arrived = Arrived::default();
    request.extensions_mut().insert(arrived.clone());
    let response = {
        let _under_way = UnderWay::begin(&meters);
        next.run(request).await
    };
    // Of what never came to its route, or is no method of it, anybody could make a series for each route.
    let is_routed = arrived.0.load(Ordering::Relaxed) && response.status() != StatusCode::METHOD_NOT_ALLOWED;
    let route = route.filter(|_| is_routed);
    let route = route.map_or_else(|| "unmatched".into(), |route| route.as_str().to_owned());
    meters.duration.record(
        begun.elapsed().as_secs_f64(),
        &[
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.response.status_code", i64::from(response.status().as_u16())),
            KeyValue::new("http.route", route),
        ],
    );
    if let Some(problem) = response.extensions().get::<Problem>() {
        meters.problems.add(1, &[KeyValue::new("code", problem.code().name())]);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;
    use tower::util::MapRequestLayer;

    use super::*;
    use crate::http::Code;
    use crate::telemetry::metrics::{Exposition, Metrics};

    async fn ask(router: &Router, method: &str, path: &str) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap();
    }

    fn measured(metrics: &Metrics) -> Router {
        let meters = Meters::new(metrics.meter());
        Router::new()
            .route("/users/{id}", get(|| async {}))
            .route("/broken", get(|| async { Problem::new(Code::INTERNAL_ERROR) }))
            .route("/slow", get(std::future::pending::<()>))
            .layer(MapRequestLayer::new(arrive))
            .layer(from_fn_with_state(Some(meters), record))
    }

    #[tokio::test]
    async fn a_request_is_counted_under_its_route_and_a_problem_under_its_code() {
        let metrics = Metrics::start().unwrap();
        let router = measured(&metrics);
        for (method, path) in [
            ("GET", "/users/7"),
            ("GET", "/users/8"),
            ("BREW", "/users/7"),
            ("GET", "/broken"),
            ("GET", "/x/y"),
        ] {
            ask(&router, method, path).await;
        }
        let text = metrics.scrape(Exposition::Text).unwrap();
        for line in [
            r#"http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/users/{id}"} 2"#,
            r#"http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="405",http_route="unmatched"} 1"#,
            r#"http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",http_route="unmatched"} 1"#,
            r#"http_server_problems_total{code="internal_error"} 1"#,
            "http_server_active_requests 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[tokio::test]
    async fn a_request_is_under_way_until_its_caller_hangs_up() {
        let metrics = Metrics::start().unwrap();
        let router = measured(&metrics);
        let under_way = |metrics: &Metrics| {
            let text = metrics.scrape(Exposition::Text).unwrap();
            text.lines().find_map(|line| line.strip_prefix("http_server_active_requests ").map(str::to_owned))
        };
        let mut asked = Box::pin(ask(&router, "GET", "/slow"));
        assert!(futures_util::poll!(&mut asked).is_pending());
        assert_eq!(under_way(&metrics).as_deref(), Some("1"));
        drop(asked);
        assert_eq!(under_way(&metrics).as_deref(), Some("0"));
    }
}
