//! The request log: one line per request, and the causes of errors.

use std::error::Error;
use std::iter;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use tracing::{Instrument, Span, field};

use crate::base::id::UserId;
use crate::http::Problem;
use crate::http::extract::{ClientAddress, RequestId};

/// A request extension in which the access floor notes who is calling, for the log.
#[derive(Clone, Debug)]
pub struct RequestUser {
    user: Arc<OnceLock<UserId>>,
    span: Span,
}

impl RequestUser {
    pub fn set(&self, user: UserId) {
        self.span.record("user_id", field::display(user));
        // The first to say so is right: a request has one caller.
        let _ = self.user.set(user);
    }
}

/// What the line says of the request.
struct Line {
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    request_id: RequestId,
    trace_id: Option<String>,
    client: ClientAddress,
}

pub(super) async fn record(mut request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let line = Line {
        started: Instant::now(),
        method: request.method().clone(),
        route: extensions.get().cloned(),
        request_id: extensions.get().cloned().unwrap_or_default(),
        trace_id: trace_id(request.headers()),
        client: extensions.get().copied().unwrap_or_default(),
    };
    let request_id = line.request_id.as_str();
    let span = tracing::info_span!("request", request_id, trace_id = line.trace_id, user_id = field::Empty);
    let caller = RequestUser { user: Arc::default(), span: span.clone() };
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).instrument(span).await;
    line.write(&response, &caller);
    // What is written while it is sent can fail when the status is long gone.
    match response.body().size_hint().exact() {
        Some(_) => response,
        None => response.map(|body| {
            Body::new(body.map_err(move |error| {
                line.break_off(&error, &caller);
                error
            }))
        }),
    }
}

impl Line {
    /// An error of ours is logged with its cause; that of a caller's error may quote what was sent, and
    /// is for debugging only. Probes are frequent and dull.
    fn write(&self, response: &Response, caller: &RequestUser) {
        let problem = response.extensions().get::<Problem>();
        let route = self.route.as_ref().map_or("-", MatchedPath::as_str);
        let user_id = caller.user.get().map(field::display);
        let code = problem.map(|problem| problem.code().name());
        let chain = problem.map(|problem| problem.chain().join(": ")).filter(|chain| !chain.is_empty());
        let is_ours = problem.is_some() && response.status().is_server_error();
        let (cause, detail) = if is_ours { (chain, None) } else { (None, chain) };
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    parent: None,
                    method = %self.method,
                    route,
                    status = response.status().as_u16(),
                    duration_ms = self.started.elapsed().as_secs_f64() * 1000.0,
                    client = %self.client.0,
                    request_id = self.request_id.as_str(),
                    trace_id = self.trace_id,
                    user_id,
                    code,
                    cause,
                    "request"
                )
            };
        }
        if let Some(cause) = detail {
            tracing::debug!(parent: None, request_id = self.request_id.as_str(), code, cause, "refused");
        }
        if is_ours {
            line!(error);
        } else if route.starts_with("/health/") || route == "/metrics" {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

impl Line {
    /// That a caller may not have the rest is no error of ours.
    fn break_off(&self, error: &axum::Error, caller: &RequestUser) {
        let errors = iter::successors(Some(error as &dyn Error), |&error| error.source());
        let problem = errors.filter_map(|error| error.downcast_ref::<Problem>()).last();
        let code = problem.map(|problem| problem.code().name());
        let cause = problem.map_or_else(|| error.to_string(), |problem| problem.chain().join(": "));
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    parent: None,
                    method = %self.method,
                    route = self.route.as_ref().map_or("-", MatchedPath::as_str),
                    duration_ms = self.started.elapsed().as_secs_f64() * 1000.0,
                    request_id = self.request_id.as_str(),
                    trace_id = self.trace_id,
                    user_id = caller.user.get().map(field::display),
                    code,
                    cause,
                    "the answer broke off"
                )
            };
        }
        if problem.is_some_and(|problem| problem.code().status().is_client_error()) {
            line!(info);
        } else {
            line!(error);
        }
    }
}

/// The trace that the caller's `traceparent` puts this request into (W3C Trace Context §3.2).
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_set = |text: &str| text.bytes().any(|b| b != b'0');
    let is_sound = is_hex(version, 2)
        && version != "ff"
        && is_hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    (is_sound && is_hex(trace, 32) && is_set(trace) && is_hex(parent, 16) && is_set(parent))
        .then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::http::HeaderValue;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use futures_util::stream;
    use tower::ServiceExt;

    use super::*;
    use crate::http::Code;

    /// The lines at `level` and above that a request to `path` leaves.
    async fn logged(level: tracing::Level, path: &str) -> Vec<serde_json::Value> {
        let sink = Arc::new(Mutex::new(Vec::new()));
        let writer = sink.clone();
        let make_writer = move || Sink(writer.clone());
        let log = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(level)
            .with_writer(make_writer);
        let _guard = tracing::subscriber::set_default(log.finish());
        let user: UserId = "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa".parse().unwrap();
        let name =
            move |axum::Extension(caller): axum::Extension<RequestUser>| async move { caller.set(user) };
        let router = Router::new()
            .route("/users/{id}", get(name))
            .route("/health/live", get(|| async {}))
            .route("/broken", get(|| async { Problem::new(Code::INTERNAL_ERROR).caused_by("disk on fire") }))
            .route("/half", get(|| async { Body::from_stream(stream::iter(half())) }))
            .route("/refused", get(|| async { Problem::new(Code::MALFORMED_JSON).caused_by("quoted words") }))
            .layer(from_fn(record));
        let answer = router.oneshot(Request::builder().uri(path).body(Body::empty()).unwrap()).await.unwrap();
        let read = answer.into_body().collect().await;
        assert_eq!(read.is_err(), path == "/half");
        let text = String::from_utf8(sink.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A piece, and why there is no more.
    fn half() -> [Result<&'static str, Problem>; 2] {
        [Ok("["), Err(Problem::new(Code::INTERNAL_ERROR).caused_by("disk on fire"))]
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_request_is_one_line_with_its_route_and_caller_but_not_its_path() {
        let lines = logged(tracing::Level::INFO, "/users/7?token=secret").await;
        assert_eq!(lines.len(), 1);
        assert_eq!((&lines[0]["level"], &lines[0]["status"]), (&"INFO".into(), &200.into()));
        assert_eq!((&lines[0]["route"], &lines[0]["method"]), (&"/users/{id}".into(), &"GET".into()));
        assert_eq!(lines[0]["user_id"], "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa");
        assert!(!lines[0].to_string().contains("secret"));
    }

    #[tokio::test]
    async fn a_probe_is_not_worth_a_line() {
        assert!(logged(tracing::Level::INFO, "/health/live").await.is_empty());
    }

    #[tokio::test]
    async fn our_errors_are_logged_with_their_cause_and_a_callers_only_when_debugging() {
        let lines = logged(tracing::Level::INFO, "/broken").await;
        assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()));
        assert_eq!(
            (&lines[0]["code"], &lines[0]["cause"]),
            (&"internal_error".into(), &"disk on fire".into())
        );
        let lines = logged(tracing::Level::INFO, "/refused").await;
        assert_eq!(
            (lines.len(), &lines[0]["code"], lines[0].get("cause")),
            (1, &"malformed_json".into(), None)
        );
        let lines = logged(tracing::Level::DEBUG, "/refused").await;
        assert!(lines.iter().any(|line| line["level"] == "DEBUG" && line["cause"] == "quoted words"));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_logged_once_with_its_cause() {
        let lines = logged(tracing::Level::INFO, "/half").await;
        assert_eq!((lines.len(), &lines[0]["level"], &lines[0]["status"]), (2, &"INFO".into(), &200.into()));
        assert_eq!((&lines[1]["level"], &lines[1]["route"]), (&"ERROR".into(), &"/half".into()));
        assert_eq!(
            (&lines[1]["code"], &lines[1]["cause"]),
            (&"internal_error".into(), &"disk on fire".into())
        );
    }

    #[test]
    fn only_a_sound_traceparent_names_a_trace() {
        let read = |text| {
            trace_id(&HeaderMap::from_iter([(
                "traceparent".parse().unwrap(),
                HeaderValue::from_static(text),
            )]))
        };
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").as_deref(), Some(trace));
        assert_eq!(
            read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").as_deref(),
            Some(trace)
        );
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
