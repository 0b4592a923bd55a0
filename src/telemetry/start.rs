//! Starts what a server says about itself, by its configuration, and ends it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use uuid::{Builder, Uuid};

use super::logs::{self, Format, InvalidLevel};
use super::metrics::Metrics;
use super::reports::{self, InvalidReports, Reports};
use super::traces::{self, Traces};
use crate::base::random::Random;
use crate::base::service;
use crate::config::{Config, LogFormat};

/// Why a server cannot say anything about itself.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Level(#[from] InvalidLevel),
    #[error("telemetry.otlp_endpoint: {0}")]
    Collector(#[from] ExporterBuildError),
    #[error("telemetry.sentry_dsn: {0}")]
    Reports(#[from] InvalidReports),
    #[error(transparent)]
    Metrics(#[from] OTelSdkError),
}

/// Whether this process is a server.
static SERVES: AtomicBool = AtomicBool::new(false);

/// Whoever sends something somewhere. What is not asked for does not exist.
#[derive(Default)]
pub struct Telemetry {
    traces: Option<Traces>,
    reports: Option<Reports>,
    metrics: Option<Metrics>,
}

impl Telemetry {
    /// Starts the log, and what the configuration asks for beside it.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let mut this = Self::default();
        let mut listeners = Vec::new();
        if let Some(collector) = config.telemetry.otlp_endpoint.as_ref().filter(|_| !is_disabled()) {
            let (traces, listener) = traces::start(collector, resource(config))?;
            this.traces = Some(traces);
            listeners.push(listener);
        }
        if let Some(dsn) = &config.telemetry.sentry_dsn {
            let (reports, listener) = reports::start(dsn.expose(), config.environment.to_string())?;
            this.reports = Some(reports);
            listeners.push(listener);
        }
        let format = match config.log.format {
            LogFormat::Pretty => Format::Pretty,
            LogFormat::Json => Format::Json,
        };
        logs::init(format, &config.log.level, listeners, this.traces.is_some().then_some(traces::wanted))?;
        SERVES.store(true, Ordering::Relaxed);
        if is_disabled() {
            tracing::info!("OTEL_SDK_DISABLED is true: there are no traces and no metrics");
        }
        Ok(this)
    }

    /// Has these figures sent once more at the end.
    pub fn measures(&mut self, metrics: Metrics) {
        self.metrics = Some(metrics);
    }

    /// Sends what is still waiting, and gives up after `patience`: whoever does not answer holds nobody up.
    pub fn finish(self, patience: Duration) {
        let deadline = Instant::now() + patience;
        // There must be time left to say what was not sent.
        let patience = patience * 9 / 10;
        let ends = [
            self.reports.map(|reports| beside(move || reports.finish(patience))),
            self.traces.map(|traces| beside(move || traces.finish(patience))),
            self.metrics.map(|metrics| beside(move || metrics.finish())),
        ];
        for end in ends.into_iter().flatten() {
            _ = end.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

/// Says when the work is done that another thread does meanwhile.
fn beside(work: impl FnOnce() + Send + 'static) -> Receiver<()> {
    let (done, end) = mpsc::channel();
    thread::spawn(move || {
        work();
        // Whoever waited for it may have given up.
        _ = done.send(());
    });
    end
}

/// The instruments of a server. Their figures go to the collector, too, if there is one, but for those of a
/// command, which are none.
pub fn measure(config: &Config) -> Result<Metrics, StartError> {
    if is_disabled() {
        return Ok(Metrics::off());
    }
    let collector = config.telemetry.otlp_endpoint.as_ref().filter(|_| SERVES.load(Ordering::Relaxed));
    Ok(match collector {
        Some(collector) => Metrics::sent(traces::metrics(collector)?, interval(), resource(config))?,
        None => Metrics::start()?,
    })
}

/// How often figures are sent: every minute, or by `OTEL_METRIC_EXPORT_INTERVAL`, in milliseconds.
fn interval() -> Duration {
    let millis = variable("OTEL_METRIC_EXPORT_INTERVAL").and_then(|millis| millis.parse().ok());
    millis.filter(|millis| *millis > 0).map_or(Duration::from_secs(60), Duration::from_millis)
}

/// `OTEL_SDK_DISABLED`: neither traces nor metrics.
fn is_disabled() -> bool {
    variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "variables of the standard, read where the SDK reads the others"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What says of traces and figures where they come from.
fn resource(config: &Config) -> Resource {
    static INSTANCE: OnceLock<Uuid> = OnceLock::new();
    let instance = INSTANCE.get_or_init(|| Builder::from_random_bytes(Random::system().bytes()).into_uuid());
    traces::resource(service::NAME, config.environment.to_string(), *instance)
}
