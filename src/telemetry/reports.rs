//! Error reports in Sentry's protocol: what the log calls an error, by the few fields that say nothing of
//! anyone. Whatever else an event carries (an address, a user) stays here.

mod scrub;

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use sentry::protocol::{Event, Exception, Level, TraceContext, TraceId};
use sentry::transports::UreqHttpTransportOptions;
use sentry::types::{Dsn, ParseDsnError};
use sentry::{Client, ClientOptions, Transport, TransportFactory, TransportOptions};
use tracing::field::{Field, Visit};
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

use super::logs::Listener;
use super::sender::agent;
use super::subject;
use scrub::scrubbed;

/// How many reports a minute are sent at most: one fault can fail every request.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// The fields of an event that a report has as tags. The rest is told to nobody.
const TAGS: [&str; 7] = ["request_id", "route", "method", "status", "code", "task", "location"];

/// Whoever sends reports of errors.
pub struct Reports(Arc<Client>);

/// Begins to report errors, and what listens to `tracing` for them.
///
/// # Errors
/// The DSN cannot be read.
pub fn start(dsn: &str, environment: String) -> Result<(Reports, Listener), ParseDsnError> {
    let dsn: Dsn = dsn.parse()?;
    let mut options = ClientOptions::new()
        .release(concat!(env!("CARGO_PKG_NAME"), "@", env!("CARGO_PKG_VERSION")))
        .environment(environment)
        .transport(Transports);
    options.dsn = Some(dsn);
    let client = Arc::new(Client::from(options));
    let bound = RateLimiter::direct(Quota::per_minute(PER_MINUTE));
    let reporter = Reporter { client: client.clone(), bound, kept_back: AtomicU64::new(0) };
    // Asked each time, as that of the log.
    let errors = dynamic_filter_fn(|metadata, _| {
        let is_error = metadata.is_event() && *metadata.level() == tracing::Level::ERROR;
        is_error && metadata.target().starts_with(env!("CARGO_PKG_NAME"))
    });
    Ok((Reports(client), reporter.with_filter(errors).boxed()))
}

impl Reports {
    /// Sends what is still waiting; `patience` is a wish, since a full queue is waited for first.
    pub fn finish(&self, patience: Duration) {
        if !self.0.close(Some(patience)) {
            tracing::warn!("the last error reports may not have been sent");
        }
    }
}

struct Transports;

impl TransportFactory for Transports {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(UreqHttpTransportOptions::from(options).with_agent(agent()).build())
    }
}

/// Makes a report of each error that is logged.
struct Reporter {
    client: Arc<Client>,
    bound: DefaultDirectRateLimiter,
    kept_back: AtomicU64,
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
        if self.bound.check().is_ok() {
            self.client.capture_event(seen.report(self.kept_back.swap(0, Ordering::Relaxed)), None);
        } else {
            self.kept_back.fetch_add(1, Ordering::Relaxed);
        }
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

    fn report(self, kept_back: u64) -> Event<'static> {
        let kind = self.tag("code").unwrap_or("error").to_owned();
        let route = self.tag("route").map(str::to_owned);
        // The line of a request has the same message each time; elsewhere it says what was tried.
        let told = match self.cause {
            Some(cause) if route.is_some() => cause,
            Some(cause) => format!("{}: {cause}", self.message),
            None => self.message,
        };
        let told = scrubbed(&told);
        // One fault is one issue, though its figures differ from case to case.
        let words = told.replace(|c: char| c.is_ascii_digit(), "");
        let same = [Cow::from(kind.clone()), route.clone().unwrap_or_default().into(), words.into()];
        let mut event = Event {
            level: Level::Error,
            fingerprint: same.to_vec().into(),
            transaction: route,
            exception: vec![Exception { ty: kind, value: Some(told), ..Exception::default() }].into(),
            tags: self.tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..Event::default()
        };
        if kept_back > 0 {
            event.extra.insert("kept_back".to_owned(), kept_back.into());
        }
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

    fn told(seen: Seen) -> String {
        seen.report(0).exception.values[0].value.clone().unwrap()
    }

    #[test]
    fn what_fails_beside_the_requests_is_told_with_what_was_tried() {
        let seen = || Seen {
            message: "mail to ada@example.com cannot be delivered".into(),
            cause: Some("no answer from 203.0.113.7".into()),
            ..Seen::default()
        };
        assert_eq!(told(seen()), "mail to [address] cannot be delivered: no answer from [ip]");
        assert_eq!(told(Seen { cause: None, ..seen() }), "mail to [address] cannot be delivered");
        let in_request = Seen { tags: vec![("route", "/notes".into())], ..seen() };
        assert_eq!(told(in_request), "no answer from [ip]");
    }
}
