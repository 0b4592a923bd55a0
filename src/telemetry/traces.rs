//! Traces: the spans of `tracing`, sent to an OpenTelemetry collector (OTLP over HTTP, protobuf).
//!
//! Spans of the level `info` begin a trace of their own (a request, a round of mail); those of the level
//! `trace` (a statement, a hash) exist only inside one that is recorded, so one that is not costs little. Only
//! spans that are ours are sent, and no events: a line of the log may say more than a trace should.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, TraceContextExt, TraceId, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, SdkTracer, SdkTracerProvider,
    Span, SpanData, SpanExporter as Export, SpanProcessor,
};
use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use url::Url;
use uuid::Uuid;

use super::logs::Listener;
use super::sender::Sender;
use crate::base::seldom::Seldom;

/// How many spans wait to be sent at most; what comes then is lost.
const QUEUE: usize = 4096;

/// How often it is said that spans were lost.
const NOTICE: Duration = Duration::from_secs(60);

/// Whoever sends the spans of this process.
pub struct Traces(SdkTracerProvider);

/// Begins to send spans to a collector, and what listens to `tracing` for them.
///
/// How many requests are traced is the caller's decision, if it sent one with its `traceparent`; otherwise it
/// is by `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`, and all of them without these.
pub fn start(collector: &Url, resource: Resource) -> Result<(Traces, Listener), ExporterBuildError> {
    let builder = SpanExporter::builder().with_http().with_http_client(Sender::new());
    let exporter = builder.with_endpoint(address(collector, "v1/traces")).build()?;
    let shared = Arc::new(Shared { waiting: AtomicUsize::new(0), lost: Seldom::every(NOTICE) });
    let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
    let sender = BatchSpanProcessor::new(Counting { exporter, shared: shared.clone() }, config);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_span_processor(Bounded { sender, shared })
        .with_id_generator(Ids::default())
        .build();
    _ = DECIDER.set(SdkTracerProvider::builder().build().tracer(env!("CARGO_PKG_NAME")));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
        .with_location(false)
        .with_threads(false)
        .with_level(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    // Asked each time, as that of the log.
    let spans = dynamic_filter_fn(|metadata, _| metadata.is_span());
    Ok((Traces(provider), layer.with_filter(spans).boxed()))
}

/// Whether a span is to be recorded: it begins a trace, or is part of one that is.
pub fn wanted(metadata: &Metadata<'_>) -> bool {
    let is_ours = metadata.is_span() && metadata.target().starts_with(env!("CARGO_PKG_NAME"));
    let begins = *metadata.level() <= Level::INFO;
    is_ours && (begins || Context::current().span().span_context().is_sampled())
}

/// Says by the same settings, and of nobody, what would be recorded.
static DECIDER: OnceLock<SdkTracer> = OnceLock::new();

/// The trace that something with such a parent belongs to, and whether it is recorded there; `None` without a
/// collector. To know it beforehand costs a tenth of a span that is made and thrown away.
pub fn decide(parent: &Context) -> Option<SpanContext> {
    let span = DECIDER.get()?.build_with_context(SpanBuilder::from_name("decision"), parent);
    Some(span.span_context().clone())
}

/// What begins a trace within `act` begins this one.
pub fn within<T>(trace: TraceId, act: impl FnOnce() -> T) -> T {
    DECIDED.set(Some(trace));
    let done = act();
    DECIDED.take();
    done
}

thread_local! {
    static DECIDED: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Any ids, but for a trace that was decided on.
#[derive(Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        DECIDED.take().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

/// Sends what is measured to the same collector.
pub fn metrics(collector: &Url) -> Result<MetricExporter, ExporterBuildError> {
    let builder = MetricExporter::builder().with_http().with_http_client(Sender::new());
    builder.with_endpoint(address(collector, "v1/metrics")).build()
}

/// What says of spans and figures where they come from. `OTEL_RESOURCE_ATTRIBUTES` adds to it.
pub fn resource(service: &'static str, environment: String, instance: Uuid) -> Resource {
    let attributes = [
        KeyValue::new("service.name", service.to_lowercase()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance.to_string()),
        KeyValue::new("deployment.environment.name", environment),
    ];
    Resource::builder().with_attributes(attributes).build()
}

impl Traces {
    /// Sends what is still waiting, for `patience` at most.
    pub fn finish(&self, patience: Duration) {
        if let Err(error) = self.0.shutdown_with_timeout(patience) {
            tracing::warn!(%error, "the last traces may not have reached the collector");
        }
    }
}

fn address(collector: &Url, signal: &str) -> String {
    format!("{}/{signal}", collector.as_str().trim_end_matches('/'))
}

#[derive(Debug)]
struct Shared {
    /// Spans that ended and have not been sent.
    waiting: AtomicUsize,
    lost: Seldom,
}

/// Lets no more spans wait than there is room for. The queue itself would say so once, and not how many.
#[derive(Debug)]
struct Bounded {
    sender: BatchSpanProcessor,
    shared: Arc<Shared>,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.sender.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        // Said by the thread that sends: here it could be a subscriber's own lock that is held.
        if self.shared.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            self.shared.lost.note(1);
        } else {
            self.sender.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.sender.force_flush()
    }

    fn shutdown_with_timeout(&self, patience: Duration) -> OTelSdkResult {
        self.sender.shutdown_with_timeout(patience)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.sender.set_resource(resource);
    }
}

/// Counts what does not arrive, and says so now and then.
#[derive(Debug)]
struct Counting<E> {
    exporter: E,
    shared: Arc<Shared>,
}

impl<E: Export> Export for Counting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let sent = self.exporter.export(batch).await;
        self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
        let error = sent.as_ref().err().map(ToString::to_string);
        let failed = if error.is_some() { count as u64 } else { 0 };
        if let Some(spans) = self.shared.lost.counting(failed) {
            tracing::warn!(spans, error, "traces did not reach the collector");
        }
        sent
    }

    fn shutdown_with_timeout(&self, patience: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(patience)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
