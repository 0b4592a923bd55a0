//! What is measured: instruments of OpenTelemetry, one set for each server, so that tests stay apart.
//!
//! An instrument is made where its subject is, from [`Metrics::meter`]. Names and units are OpenTelemetry's;
//! Prometheus sees `http.server.request.duration` in `s` as `http_server_request_duration_seconds`. Labels
//! are bounded: a route's template, a status, a word of ours, never a path, a person or an address.

mod open_metrics;
pub mod machine;
mod push;
mod soundings;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::{Registry, TextEncoder};

use self::machine::Machine;
use self::push::{Push, Reader};

pub use self::soundings::{Sounding, Soundings};

/// How a scrape is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' own text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// The instruments of one server. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    /// Instruments write as long as it is there.
    _provider: SdkMeterProvider,
    registry: Registry,
    meter: Meter,
    machine: Machine,
    soundings: Soundings,
    push: Option<Push>,
}

/// Series that an instrument may have before further ones are added up as `otel_metric_overflow`; requests,
/// by route, method and status, have more.
const SERIES: usize = 100;
const SERIES_OF_REQUESTS: usize = 2000;

impl Metrics {
    /// For scrapes only.
    pub fn start() -> Result<Self, OTelSdkError> {
        let service = Resource::builder_empty().with_service_name(crate::base::service::NAME).build();
        Self::read(service, |_| Ok(None))
    }

    /// For scrapes, and sent by `exporter` every so often.
    pub fn sent(
        exporter: impl PushMetricExporter,
        every: Duration,
        resource: Resource,
    ) -> Result<Self, OTelSdkError> {
        Self::read(resource, |reader| Push::start(reader, exporter, every).map(Some))
    }

    fn read(
        resource: Resource,
        push: impl FnOnce(Reader) -> io::Result<Option<Push>>,
    ) -> Result<Self, OTelSdkError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            // Who is scraped is known to the one who scrapes.
            .without_target_info()
            .scope_info_enabled(false)
            .build()?;
        let reader = Reader(Arc::new(exporter));
        let builder = SdkMeterProvider::builder().with_resource(resource).with_reader(reader.clone());
        let provider = builder.with_view(bound).build();
        let push = push(reader).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        Ok(Self::of(provider, registry, push))
    }

    /// Instruments that nobody reads, so that they count nothing.
    pub fn off() -> Self {
        Self::of(SdkMeterProvider::default(), Registry::new(), None)
    }

    fn of(provider: SdkMeterProvider, registry: Registry, push: Option<Push>) -> Self {
        let meter = provider.meter(env!("CARGO_PKG_NAME"));
        let (machine, soundings) = (Machine::default(), Soundings::default());
        Self(Arc::new(Inner { _provider: provider, registry, meter, machine, soundings, push }))
    }

    /// Makes instruments. Whoever observes holds no [`Metrics`], which would keep itself alive.
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    pub fn machine(&self) -> &Machine {
        &self.0.machine
    }

    /// What the database said last.
    pub fn soundings(&self) -> &Soundings {
        &self.0.soundings
    }

    /// All there is, for a scrape. Reads `/proc`, and asks whoever observes.
    pub fn scrape(&self, exposition: Exposition) -> Result<String, prometheus::Error> {
        let text = TextEncoder::new().encode_to_string(&self.0.registry.gather())?;
        Ok(match exposition {
            Exposition::Text => text,
            Exposition::OpenMetrics => open_metrics::from_text(&text),
        })
    }

    /// Sends them once more, if they are sent.
    pub fn finish(&self) {
        if let Some(push) = &self.0.push {
            push.finish();
        }
    }
}

/// The bound of each instrument.
fn bound(instrument: &Instrument) -> Option<Stream> {
    let is_of_requests = instrument.name() == "http.server.request.duration";
    let series = if is_of_requests { SERIES_OF_REQUESTS } else { SERIES };
    Stream::builder().with_cardinality_limit(series).build().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use opentelemetry::KeyValue;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::metrics::Temporality;
    use opentelemetry_sdk::metrics::data::ResourceMetrics;

    use super::*;

    fn metrics() -> Metrics {
        Metrics::start().unwrap()
    }

    #[test]
    fn names_have_their_unit_and_counters_their_suffix_and_nothing_else_is_there() {
        let metrics = metrics();
        metrics.meter().u64_counter("tea.cups").build().add(2, &[KeyValue::new("tea.kind", "green\n\"")]);
        let histogram = metrics.meter().f64_histogram("tea.time").with_unit("s");
        histogram.with_description("How long").with_boundaries(vec![0.5, 1.0]).build().record(0.7, &[]);
        assert_eq!(
            metrics.scrape(Exposition::Text).unwrap(),
            "# TYPE tea_cups_total counter\n\
             tea_cups_total{tea_kind=\"green\\n\\\"\"} 2\n\
             # HELP tea_time_seconds How long\n\
             # TYPE tea_time_seconds histogram\n\
             tea_time_seconds_bucket{le=\"0.5\"} 0\n\
             tea_time_seconds_bucket{le=\"1\"} 1\n\
             tea_time_seconds_bucket{le=\"+Inf\"} 1\n\
             tea_time_seconds_sum 0.7\n\
             tea_time_seconds_count 1\n"
        );
    }

    #[test]
    fn what_is_off_counts_nothing() {
        let metrics = Metrics::off();
        metrics.meter().u64_counter("tea.cups").build().add(1, &[]);
        assert_eq!(metrics.scrape(Exposition::Text).unwrap(), "");
    }

    #[test]
    fn two_servers_count_apart() {
        let (one, other) = (metrics(), metrics());
        one.meter().u64_counter("tea.cups").build().add(1, &[]);
        assert!(one.scrape(Exposition::Text).unwrap().contains("tea_cups_total 1"));
        assert_eq!(other.scrape(Exposition::Text).unwrap(), "");
    }

    #[test]
    fn an_instrument_has_only_so_many_series() {
        let metrics = metrics();
        let cups = metrics.meter().u64_counter("tea.cups").build();
        (0..2000_i64).for_each(|guest| cups.add(1, &[KeyValue::new("guest", guest)]));
        let text = metrics.scrape(Exposition::Text).unwrap();
        assert_eq!(text.lines().count(), SERIES + 2, "a line for the type, and one for all others");
        assert!(text.contains("otel_metric_overflow=\"true\"} 1900"), "{text}");
    }

    /// Keeps what it is given.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl PushMetricExporter for Kept {
        async fn export(&self, figures: &ResourceMetrics) -> OTelSdkResult {
            let metrics = figures.scope_metrics().flat_map(|scope| scope.metrics());
            let names = metrics.map(|metric| metric.name().to_owned()).collect::<Vec<_>>().join(" ");
            self.0.lock().unwrap().push(names);
            Ok(())
        }
        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }
        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
        fn temporality(&self) -> Temporality {
            Temporality::Cumulative
        }
    }

    #[test]
    fn what_is_no_longer_observed_is_in_no_scrape_and_not_sent_either() {
        let kept = Kept::default();
        let hourly = Duration::from_secs(3600);
        let metrics = Metrics::sent(kept.clone(), hourly, Resource::builder_empty().build()).unwrap();
        let is_known = Arc::new(AtomicBool::new(true));
        let observed = is_known.clone();
        let gauge = metrics.meter().u64_observable_gauge("tea.left").with_callback(move |to| {
            if observed.load(Ordering::Relaxed) {
                to.observe(7, &[]);
            }
        });
        gauge.build();
        let scrape = || metrics.scrape(Exposition::Text).unwrap();
        metrics.finish();
        is_known.store(false, Ordering::Relaxed);
        assert_eq!(scrape(), "");
        is_known.store(true, Ordering::Relaxed);
        assert!(scrape().contains("tea_left 7"));
        is_known.store(false, Ordering::Relaxed);
        metrics.finish();
        assert_eq!(*kept.0.lock().unwrap(), ["tea.left", ""]);
    }
}
