//! The trace that a request is part of (W3C Trace Context), and what the trace says of the request: by
//! OpenTelemetry's names, and never its query, its caller or why it failed.

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::measure::name;

/// A request in its trace. Without a collector there is none, but for the name that the caller gave.
pub(super) struct Trace {
    span: Span,
    id: Option<String>,
    is_recorded: bool,
}

impl Trace {
    /// What no collector hears of; a trace that the caller named has its name in the log all the same.
    pub fn none(named: Option<String>) -> Self {
        Self { span: Span::none(), id: named, is_recorded: false }
    }

    /// Puts the span of a request into the trace that the caller named, or into one of its own.
    pub fn begin(span: &Span, named: Option<String>, request: &Request, https: bool) -> Self {
        let parent = match named {
            Some(_) => TraceContextPropagator::new().extract(&HeaderExtractor(request.headers())),
            None => Context::new(),
        };
        let this = Self { span: span.clone(), id: named, is_recorded: false };
        if span.set_parent(parent).is_err() { this } else { this.join(request, https) }
    }

    fn join(self, request: &Request, https: bool) -> Self {
        let (span, route) = (&self.span, request.extensions().get().map(MatchedPath::as_str));
        let method = name(request.method());
        span.record("otel.kind", "server");
        span.record("otel.name", route.map_or(method.to_owned(), |route| format!("{method} {route}")));
        // This begins it: whether it is recorded is decided here.
        let context = span.context();
        let begun = context.span().span_context().clone();
        if begun.is_sampled() {
            span.set_attribute("http.request.method", method);
            span.set_attribute("url.scheme", if https { "https" } else { "http" });
            if let Some(route) = route {
                span.set_attribute("http.route", route.to_owned());
            }
        }
        let id = begun.trace_id().to_string();
        if self.id.is_none() {
            span.record("trace_id", &id);
        }
        Self { id: Some(id), is_recorded: begun.is_sampled(), ..self }
    }

    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Says how it ended.
    pub fn end(&self, status: u16, code: Option<&'static str>) {
        if self.is_recorded {
            self.span.set_attribute("http.response.status_code", i64::from(status));
            if status >= 500 {
                self.span.set_attribute("error.type", code.unwrap_or("error"));
                self.span.set_status(Status::error(""));
            }
        }
    }
}

/// The trace that the caller's `traceparent` puts this request into (W3C Trace Context §3.2).
pub(super) fn named_by(headers: &HeaderMap) -> Option<String> {
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
