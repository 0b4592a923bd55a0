//! The request log: one line per request, and the causes of errors.

use std::error::Error;
use std::iter;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use tracing::{Instrument, Level, Span, field};

use super::trace::{self, Trace};
use crate::base::clock::millis;
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
    trace: Trace,
    client: ClientAddress,
    caller: RequestUser,
}

/// What the line says of the answer.
struct Answer {
    status: u16,
    code: Option<&'static str>,
    cause: Option<String>,
}

/// Nobody is there to be answered: what nginx logs for it.
const ABORTED: Answer = Answer { status: 499, code: Some("aborted"), cause: None };

pub(super) async fn record(State(https): State<bool>, mut request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let request_id: RequestId = extensions.get().cloned().unwrap_or_default();
    let (route, client) = (extensions.get().cloned(), extensions.get().copied().unwrap_or_default());
    let named = trace::named_by(request.headers());
    let span = tracing::info_span!(
        "request",
        request_id = request_id.as_str(),
        trace_id = named,
        user_id = field::Empty,
        otel.kind = field::Empty,
        otel.name = field::Empty,
    );
    let caller = RequestUser { user: Arc::default(), span: span.clone() };
    let trace = Trace::begin(&span, named, &request, https);
    let (started, method) = (Instant::now(), request.method().clone());
    let line = Line { started, method, route, request_id, trace, client, caller: caller.clone() };
    request.extensions_mut().insert(caller);
    let open = Open(Some(line));
    let response = next.run(request).instrument(span).await;
    let Some(line) = open.answered() else { return response };
    line.write(&response);
    // What is written while it is sent can fail when the status is long gone.
    match response.body().size_hint().exact() {
        Some(_) => response,
        None => response.map(|body| {
            Body::new(body.map_err(move |error| {
                line.break_off(&error);
                error
            }))
        }),
    }
}

/// A request that is not answered yet. A caller who hangs up drops it, and leaves a line, too.
struct Open(Option<Line>);

impl Open {
    fn answered(mut self) -> Option<Line> {
        self.0.take()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(line) = self.0.take() {
            line.tell(if line.is_dull() { Level::DEBUG } else { Level::INFO }, ABORTED, "request");
        }
    }
}

impl Line {
    /// An error of ours is logged with its cause; that of a caller's error may quote what was sent, and
    /// is for debugging only.
    fn write(&self, response: &Response) {
        let problem = response.extensions().get::<Problem>();
        let status = response.status().as_u16();
        let code = problem.map(|problem| problem.code().name());
        let chain = problem.map(|problem| problem.chain().join(": ")).filter(|chain| !chain.is_empty());
        let is_ours = problem.is_some() && response.status().is_server_error();
        let (cause, detail) = if is_ours { (chain, None) } else { (None, chain) };
        if let Some(cause) = detail {
            tracing::debug!(parent: None, request_id = self.request_id.as_str(), code, cause, "refused");
        }
        let level = match is_ours {
            true => Level::ERROR,
            false if self.is_dull() => Level::DEBUG,
            false => Level::INFO,
        };
        self.tell(level, Answer { status, code, cause }, "request");
    }

    /// That a caller may not have the rest is no error of ours.
    fn break_off(&self, error: &axum::Error) {
        let errors = iter::successors(Some(error as &dyn Error), |&error| error.source());
        let problem = errors.filter_map(|error| error.downcast_ref::<Problem>()).last();
        let code = problem.map(|problem| problem.code().name());
        let cause = problem.map_or_else(|| error.to_string(), |problem| problem.chain().join(": "));
        let is_theirs = problem.is_some_and(|problem| problem.code().status().is_client_error());
        let answer = Answer { status: 200, code, cause: Some(cause) };
        self.tell(if is_theirs { Level::INFO } else { Level::ERROR }, answer, "the answer broke off");
    }

    /// Probes and scrapes are frequent.
    fn is_dull(&self) -> bool {
        let route = self.template();
        route.starts_with("/health/") || route == "/metrics"
    }

    fn template(&self) -> &str {
        self.route.as_ref().map_or("-", MatchedPath::as_str)
    }

    fn tell(&self, level: Level, answer: Answer, message: &'static str) {
        let Answer { status, code, cause } = answer;
        self.trace.end(status, code);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    parent: None,
                    method = %self.method,
                    route = self.template(),
                    status,
                    duration_ms = millis(self.started.elapsed()),
                    client = %self.client.0,
                    request_id = self.request_id.as_str(),
                    trace_id = self.trace.id(),
                    user_id = self.caller.user.get().map(field::display),
                    code,
                    cause,
                    "{message}"
                )
            };
        }
        match level {
            Level::ERROR => line!(error),
            Level::INFO => line!(info),
            _ => line!(debug),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Mutex;

    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use futures_util::{FutureExt, stream};
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
            .route("/metrics", get(|| async {}))
            .route("/never", get(pending::<()>))
            .route("/broken", get(|| async { Problem::new(Code::INTERNAL_ERROR).caused_by("disk on fire") }))
            .route("/half", get(|| async { Body::from_stream(stream::iter(half())) }))
            .route("/refused", get(|| async { Problem::new(Code::MALFORMED_JSON).caused_by("quoted words") }))
            .layer(from_fn_with_state(false, record));
        let answer = router.oneshot(Request::builder().uri(path).body(Body::empty()).unwrap());
        if path == "/never" {
            assert!(answer.now_or_never().is_none(), "it is asked, and given up");
        } else {
            let read = answer.await.unwrap().into_body().collect().await;
            assert_eq!(read.is_err(), path == "/half");
        }
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
        for path in ["/health/live", "/metrics"] {
            assert!(logged(tracing::Level::INFO, path).await.is_empty(), "{path}");
            assert_eq!(logged(tracing::Level::DEBUG, path).await.len(), 1, "{path}");
        }
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_leaves_a_line() {
        let lines = logged(tracing::Level::INFO, "/never").await;
        assert_eq!(
            (lines.len(), &lines[0]["status"], &lines[0]["code"]),
            (1, &499.into(), &"aborted".into())
        );
        assert_eq!((&lines[0]["level"], &lines[0]["route"]), (&"INFO".into(), &"/never".into()));
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
}
