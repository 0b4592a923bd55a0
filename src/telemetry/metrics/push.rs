//! Sends figures to a collector, now and then. They are read where a scrape reads them: a reader of its own
//! would count everything twice, and show what the other one had seen.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use opentelemetry_prometheus::PrometheusExporter;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, Pipeline, Temporality};

/// Reads the figures, for whoever asks. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Reader(pub Arc<PrometheusExporter>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: std::sync::Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, figures: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(figures)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, patience: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(patience)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// Whoever sends them. The thread ends with it.
pub(super) struct Push(Sender<Sender<()>>);

impl Push {
    /// Begins to send, for the first time after `every`. The exporter may block, and must not wait otherwise.
    pub fn start(reader: Reader, exporter: impl PushMetricExporter, every: Duration) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let mut way = Way { reader, exporter, arrives: true };
        thread::Builder::new().name("metrics".into()).spawn(move || way.work(&ended, every))?;
        Ok(Self(end))
    }

    /// Sends them once more.
    pub fn finish(&self) {
        let (done, end) = mpsc::channel();
        if self.0.send(done).is_ok() {
            // It fails where the thread is gone.
            _ = end.recv();
        }
    }
}

struct Way<E> {
    reader: Reader,
    exporter: E,
    arrives: bool,
}

impl<E: PushMetricExporter> Way<E> {
    fn work(&mut self, ended: &Receiver<Sender<()>>, every: Duration) {
        loop {
            match ended.recv_timeout(every) {
                Err(RecvTimeoutError::Timeout) => self.send(),
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(done) => {
                    self.send();
                    // Whoever waited for it may have given up.
                    _ = done.send(());
                }
            }
        }
    }

    /// Says so when it fails, and again when it no longer does.
    fn send(&mut self) {
        let sent = self.collected();
        match &sent {
            Err(error) if self.arrives => tracing::warn!(%error, "metrics do not reach the collector"),
            Ok(()) if !self.arrives => tracing::info!("metrics reach the collector again"),
            _ => {}
        }
        self.arrives = sent.is_ok();
    }

    fn collected(&self) -> OTelSdkResult {
        let mut figures = ResourceMetrics::default();
        self.reader.collect(&mut figures)?;
        let waits = || Err(OTelSdkError::InternalFailure("the exporter waits".to_owned()));
        self.exporter.export(&figures).now_or_never().unwrap_or_else(waits)
    }
}
