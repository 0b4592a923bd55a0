//! What is measured: instruments of OpenTelemetry, one set for each server, so that tests stay apart.
//!
//! An instrument is made where its subject is, from [`Metrics::meter`]. Names and units are OpenTelemetry's;
//! Prometheus sees `http.server.request.duration` in `s` as `http_server_request_duration_seconds`. Labels
//! are bounded: a route's template, a status, a word of ours, never a path, a person or an address.

mod open_metrics;
pub mod machine;
mod soundings;

use std::sync::Arc;

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::{Instrument, MeterProviderBuilder, SdkMeterProvider, Stream};
use prometheus::{Registry, TextEncoder};

use self::machine::Machine;

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
    provider: SdkMeterProvider,
    registry: Registry,
    meter: Meter,
    machine: Machine,
    soundings: Soundings,
}

/// Series that an instrument may have before further ones are added up as `otel_metric_overflow`; requests,
/// by route, method and status, have more.
const SERIES: usize = 100;
const SERIES_OF_REQUESTS: usize = 2000;

impl Metrics {
    /// `extend` may add readers beside the one for scrapes, for those who want measurements sent to them.
    pub fn start(
        extend: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
    ) -> Result<Self, OTelSdkError> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            // Who is scraped is known to the one who scrapes.
            .without_target_info()
            .scope_info_enabled(false)
            .build()?;
        let service = Resource::builder_empty().with_service_name(crate::base::service::NAME).build();
        let builder = SdkMeterProvider::builder().with_resource(service).with_reader(reader).with_view(bound);
        Ok(Self::of(extend(builder).build(), registry))
    }

    /// Instruments that nobody reads, so that they count nothing.
    pub fn off() -> Self {
        Self::of(SdkMeterProvider::default(), Registry::new())
    }

    fn of(provider: SdkMeterProvider, registry: Registry) -> Self {
        let meter = provider.meter(env!("CARGO_PKG_NAME"));
        let (machine, soundings) = (Machine::default(), Soundings::default());
        Self(Arc::new(Inner { provider, registry, meter, machine, soundings }))
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

    /// Sends what was not sent yet to further readers, and ends them.
    pub fn shut_down(&self) -> Result<(), OTelSdkError> {
        self.0.provider.shutdown()
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
    use opentelemetry::KeyValue;

    use super::*;

    fn metrics() -> Metrics {
        Metrics::start(|builder| builder).unwrap()
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
}
