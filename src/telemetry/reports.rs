//! Error reports in Sentry's protocol: what the log calls an error, by the few fields that say nothing of
//! anyone. Whatever else an event carries (an address, a user) stays here.

mod budget;
mod courier;
mod scrub;

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sentry::protocol::{Event, Exception, Level, TraceContext, TraceId};
use sentry::types::{Dsn, ParseDsnError};
use tracing::field::{Field, Visit};
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

use super::logs::Listener;
use super::subject;
use courier::Courier;
use scrub::scrubbed;

/// The fields of an event that a report has as tags. The rest is told to nobody.
const TAGS: [&str; 7] = ["request_id", "route", "method", "status", "code", "task", "location"];

/// Why there is nobody who reports errors.
#[derive(Debug, thiserror::Error)]
pub enum InvalidReports {
    #[error(transparent)]
    Dsn(#[from] ParseDsnError),
    #[error(transparent)]
    Thread(#[from] io::Error),
}

/// Whoever sends reports of errors.
pub struct Reports(Arc<Courier>);

/// Begins to report errors, and what listens to `tracing` for them.
pub fn start(dsn: &str, environment: String) -> Result<(Reports, Listener), InvalidReports> {
    let dsn: Dsn = dsn.parse()?;
    let courier = Arc::new(Courier::start(&dsn)?);
    let reporter = Reporter { courier: courier.clone(), environment };
    // Asked each time, as that of the log.
    let errors = dynamic_filter_fn(|metadata, _| {
        let is_error = metadata.is_event() && *metadata.level() == tracing::Level::ERROR;
        is_error && metadata.target().starts_with(env!("CARGO_PKG_NAME"))
    });
    Ok((Reports(courier), reporter.with_filter(errors).boxed()))
}

impl Reports {
    /// Sends what is still waiting, for `patience` at most, and tells what is not sent.
    pub fn finish(&self, patience: Duration) {
        self.0.finish(patience);
    }
}

/// Makes a report of each error that is logged.
struct Reporter {
    courier: Arc<Courier>,
    environment: String,
}

impl Layer<Registry> for Reporter {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, Registry>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let request = subject::current(|request| request.request_id().to_owned());
        // A panic in a request is in the request's own line, which comes with its route.
        if seen.tag("location").is_some() && request.is_some() {
            return;
        }
        seen.tags.extend(request.map(|id| ("request_id", id)));
        let told = seen.told();
        let fingerprint = seen.fingerprint(&told);
        let mut hasher = DefaultHasher::new();
        fingerprint.hash(&mut hasher);
        self.courier.offer(hasher.finish(), || Event {
            release: Some(concat!(env!("CARGO_PKG_NAME"), "@", env!("CARGO_PKG_VERSION")).into()),
            environment: Some(self.environment.clone().into()),
            fingerprint: fingerprint.to_vec().into(),
            ..seen.report(told)
        });
    }
}

/// What an event says, as far as it may be told.
#[derive(Default)]
struct Seen {
    message: String,
    cause: Option<String>,
    trace_id: Option<String>,
    tags: Vec<(&'static str, String)>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.message = value,
            "cause" | "error" => self.cause = Some(value),
            "trace_id" => self.trace_id = Some(value),
            name if TAGS.contains(&name) => self.tags.push((name, value)),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl Seen {
    fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(tag, _)| *tag == name).map(|(_, value)| value.as_str())
    }

    fn kind(&self) -> &str {
        self.tag("code").unwrap_or("error")
    }

    /// What happened, in words that say nothing of anyone.
    fn told(&self) -> String {
        // The line of a request has the same message each time; elsewhere it says what was tried.
        scrubbed(&match &self.cause {
            Some(cause) if self.tag("route").is_some() => Cow::from(cause),
            Some(cause) => format!("{}: {cause}", self.message).into(),
            None => Cow::from(&self.message),
        })
    }

    /// One fault is one issue, though its figures differ from case to case.
    fn fingerprint(&self, told: &str) -> [Cow<'static, str>; 3] {
        let words = told.replace(|c: char| c.is_ascii_digit(), "");
        [self.kind(), self.tag("route").unwrap_or_default(), &words].map(|part| part.to_owned().into())
    }

    fn report(self, told: String) -> Event<'static> {
        let exception = Exception { ty: self.kind().to_owned(), value: Some(told), ..Exception::default() };
        let mut event = Event {
            level: Level::Error,
            platform: "native".into(),
            transaction: self.tag("route").map(str::to_owned),
            exception: vec![exception].into(),
            tags: self.tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..Event::default()
        };
        if let Some(trace_id) = self.trace_id.and_then(|id| id.parse::<TraceId>().ok()) {
            event
                .contexts
                .insert("trace".to_owned(), TraceContext { trace_id, ..TraceContext::default() }.into());
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_beside_the_requests_is_told_with_what_was_tried() {
        let seen = || Seen {
            message: "mail to ada@example.com cannot be delivered".into(),
            cause: Some("no answer from 203.0.113.7".into()),
            ..Seen::default()
        };
        assert_eq!(seen().told(), "mail to [address] cannot be delivered: no answer from [ip]");
        assert_eq!(Seen { cause: None, ..seen() }.told(), "mail to [address] cannot be delivered");
        let in_request = Seen { tags: vec![("route", "/notes".into())], ..seen() };
        assert_eq!(in_request.told(), "no answer from [ip]");
    }
}
