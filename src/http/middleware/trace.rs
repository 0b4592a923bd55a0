//! The trace that a request is part of (W3C Trace Context), and what the trace says of the request: by
//! OpenTelemetry's names, and never its query, its caller or why it failed.

use std::fmt;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, Status};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::method::{name, original};
use crate::telemetry::trace_state::bounded;
use crate::telemetry::traces;

/// What becomes of a request in traces. It is decided before anything is made for it: where many come, few
/// are recorded.
pub(super) struct Decision {
    parent: Context,
    /// `None` without a collector.
    trace: Option<SpanContext>,
    named: Option<String>,
}

impl Decision {
    /// No collector hears of it; a trace that the caller named has its name in the log all the same.
    pub fn untraced(headers: &HeaderMap) -> Self {
        Self { parent: Context::new(), trace: None, named: named_by(headers) }
    }

    /// It belongs to the trace that the caller named, or to one of its own.
    pub fn of(headers: &HeaderMap) -> Self {
        let named = named_by(headers);
        let parent = match named {
            Some(_) => bounded(TraceContextPropagator::new().extract(&HeaderExtractor(headers))),
            None => Context::new(),
        };
        Self { trace: traces::decide(&parent), parent, named }
    }

    pub fn id(&self) -> Option<String> {
        self.trace.as_ref().map(|trace| trace.trace_id().to_string()).or_else(|| self.named.clone())
    }
}

/// A request in its trace.
pub(super) struct Trace {
    /// None where nothing is recorded.
    span: Span,
}

impl Trace {
    /// Records a request if that was decided.
    pub fn begin(decision: Decision, request: &Request, https: bool) -> Self {
        let span = match decision.trace.filter(SpanContext::is_sampled) {
            Some(trace) => recorded(&trace, decision.parent, request, https),
            None => Span::none(),
        };
        Self { span }
    }

    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Says how it ended.
    pub fn end(&self, status: u16, code: Option<&'static str>) {
        self.span.set_attribute("http.response.status_code", i64::from(status));
        if status >= 500 {
            self.span.set_attribute("error.type", code.unwrap_or("error"));
            self.span.set_status(Status::error(""));
        }
    }
}

/// The span of a request that belongs to this trace.
fn recorded(trace: &SpanContext, parent: Context, request: &Request, https: bool) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let called = Name { method: request.method(), route };
    let span = tracing::info_span!("request", otel.kind = "server", otel.name = %called);
    if span.set_parent(parent).is_err() {
        return Span::none();
    }
    // This begins it.
    traces::within(trace.trace_id(), || span.context());
    span.set_attribute("http.request.method", name(request.method()));
    if let Some(original) = original(request.method()) {
        span.set_attribute("http.request.method_original", original.to_owned());
    }
    span.set_attribute("url.scheme", if https { "https" } else { "http" });
    if let Some(route) = route {
        span.set_attribute("http.route", route.as_str().to_owned());
    }
    span
}

/// What a request is called in its trace: by its route, never by its path.
struct Name<'r> {
    method: &'r Method,
    route: Option<&'r MatchedPath>,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.method))?;
        self.route.map_or(Ok(()), |route| write!(f, " {}", route.as_str()))
    }
}

/// The trace that the caller's `traceparent` puts this request into (W3C Trace Context §3.2).
fn named_by(headers: &HeaderMap) -> Option<String> {
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
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_sound_traceparent_names_a_trace() {
        let read = |text| {
            named_by(&HeaderMap::from_iter([(
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
