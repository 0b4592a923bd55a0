//! The request log: one line per request, and the causes of errors.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, Level};

use super::method::{name, original};
use super::streamed::Streamed;
use super::trace::{Decision, Trace};
use crate::base::clock::millis;
use crate::base::seldom::Seldom;
use crate::http::extract::{ClientAddress, RequestId};
use crate::http::{Code, Problem};
use crate::tasks::Tasks;
use crate::telemetry::subject::{Subject, about};

/// What the line says of the request.
struct Line {
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    trace: Trace,
    client: ClientAddress,
    subject: Arc<Subject>,
    tasks: Tasks,
}

/// What the line says of the answer.
struct Answer {
    status: u16,
    code: Option<&'static str>,
    cause: Option<String>,
}

/// Nobody is there to be answered: what nginx logs for it.
const ABORTED: Answer = Answer { status: 499, code: Some("aborted"), cause: None };
/// The time of a shutdown is over, and whoever was still waiting is cut off.
const STOPPED: Answer = Answer { status: 503, code: Some("stopped"), cause: None };

pub(super) async fn record(
    State((https, tasks)): State<(bool, Tasks)>,
    request: Request,
    next: Next,
) -> Response {
    let extensions = request.extensions();
    let request_id: RequestId = extensions.get().cloned().unwrap_or_default();
    let route: Option<MatchedPath> = extensions.get().cloned();
    let client = extensions.get().copied().unwrap_or_default();
    let is_dull = is_dull(route.as_ref());
    let headers = request.headers();
    let decision = if is_dull { Decision::untraced(headers) } else { Decision::of(headers) };
    let subject = Arc::new(Subject::new(request_id.shared(), decision.id()));
    let trace = Trace::begin(decision, &request, https);
    let span = trace.span();
    let (started, method) = (Instant::now(), request.method().clone());
    let line = Line { started, method, route, trace, client, subject: subject.clone(), tasks };
    let open = Open(Some(line));
    let response = about(subject, next.run(request)).instrument(span).await;
    let Some(line) = open.answered() else { return response };
    line.write(&response);
    let status = response.status().as_u16();
    // What is written while it is sent can fail when the status is long gone.
    match response.body().size_hint().exact() {
        Some(_) => response,
        None => response.map(|body| Streamed::body(body, move |error| line.break_off(status, error))),
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
            line.break_off_unanswered();
        }
    }
}

/// Probes and scrapes are frequent.
fn is_dull(route: Option<&MatchedPath>) -> bool {
    route.is_some_and(|route| route.as_str().starts_with("/health/") || route.as_str() == "/metrics")
}

/// Who is turned away comes in a crowd: one warning a second tells of all of them.
static CROWD: Seldom = Seldom::every(Duration::from_secs(1));

/// That some are turned away for the sake of others is how it is meant to be, and no error.
fn warn_of_crowd(cause: Option<&str>) {
    if let Some(times) = CROWD.counting(1) {
        let cause = cause.unwrap_or("too many are under way");
        tracing::warn!(parent: None, cause, times, "requests were turned away");
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
        let is_turned_away = problem.is_some_and(|problem| problem.code() == Code::OVERLOADED);
        let is_ours = problem.is_some() && response.status().is_server_error() && !is_turned_away;
        if is_turned_away {
            warn_of_crowd(chain.as_deref());
        }
        let (cause, detail) = if is_ours { (chain, None) } else { (None, chain) };
        if let Some(cause) = detail {
            tracing::debug!(parent: None, request_id = self.subject.request_id(), code, cause, "refused");
        }
        let level = match is_ours {
            true => Level::ERROR,
            // Who is refused there is no probe.
            false if is_dull(self.route.as_ref()) && problem.is_none() => Level::DEBUG,
            false => Level::INFO,
        };
        self.tell(level, Answer { status, code, cause }, "request");
    }

    fn break_off_unanswered(&self) {
        if self.tasks.is_cut_off() {
            self.tell(Level::WARN, STOPPED, "the server stopped before the request was answered");
        } else {
            let level = if is_dull(self.route.as_ref()) { Level::DEBUG } else { Level::INFO };
            self.tell(level, ABORTED, "request");
        }
    }

    /// That a caller may not have the rest, or does not want it, is no error of ours.
    fn break_off(&self, status: u16, error: Option<&axum::Error>) {
        let Some(error) = error else {
            let (level, why) =
                if self.tasks.is_cut_off() { (Level::WARN, STOPPED) } else { (Level::INFO, ABORTED) };
            return self.tell(level, Answer { status, ..why }, "the answer broke off");
        };
        let errors = iter::successors(Some(error as &dyn Error), |&error| error.source());
        let problem = errors.filter_map(|error| error.downcast_ref::<Problem>()).last();
        let code = problem.map(|problem| problem.code().name());
        let cause = problem.map_or_else(|| error.to_string(), |problem| problem.chain().join(": "));
        let is_theirs = problem.is_some_and(|problem| problem.code().status().is_client_error());
        let answer = Answer { status, code, cause: Some(cause) };
        self.tell(if is_theirs { Level::INFO } else { Level::ERROR }, answer, "the answer broke off");
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
                    method = name(&self.method),
                    method_original = original(&self.method),
                    route = self.template(),
                    status,
                    duration_ms = millis(self.started.elapsed()),
                    client = %self.client.0,
                    request_id = self.subject.request_id(),
                    trace_id = self.subject.trace_id(),
                    user_id = self.subject.user_id(),
                    code,
                    cause,
                    "{message}"
                )
            };
        }
        match level {
            Level::ERROR => line!(error),
            Level::WARN => line!(warn),
            Level::INFO => line!(info),
            _ => line!(debug),
        }
    }
}
