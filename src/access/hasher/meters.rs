//! How busy the hash threads are.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use opentelemetry::metrics::{Counter, Histogram, Meter};

/// Instruments, once there are any: commands run without. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Meters(pub Arc<OnceLock<Instruments>>);

pub(super) struct Instruments {
    wait: Histogram<f64>,
    duration: Histogram<f64>,
    pub refused: Counter<u64>,
}

/// A hash takes 20 ms on a quick core; a full queue of them some seconds.
const SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

impl Instruments {
    pub fn new(meter: &Meter) -> Self {
        let seconds = |name, about| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(about);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        Self {
            wait: seconds("password.hash.wait", "Time that passwords wait for a hash thread"),
            duration: seconds("password.hash.duration", "Time that a hash thread takes for one"),
            refused: meter
                .u64_counter("password.hash.refused")
                .with_unit("{password}")
                .with_description("Passwords that found the queue full")
                .build(),
        }
    }
}

impl Meters {
    /// The queue was full.
    pub fn refused(&self) {
        if let Some(all) = self.0.get() {
            all.refused.add(1, &[]);
        }
    }

    /// A job began to wait at `queued`; it begins now, and has been done when what this gives is dropped.
    pub fn begin(&self, queued: Instant) -> Work {
        if let Some(all) = self.0.get() {
            all.wait.record(queued.elapsed().as_secs_f64(), &[]);
        }
        Work { meters: self.clone(), begun: Instant::now() }
    }
}

pub(super) struct Work {
    meters: Meters,
    begun: Instant,
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(all) = self.meters.0.get() {
            all.duration.record(self.begun.elapsed().as_secs_f64(), &[]);
        }
    }
}
