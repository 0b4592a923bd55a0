//! How busy the hash threads are.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use opentelemetry::metrics::{Counter, Histogram, Meter};
use tokio::sync::Semaphore;

use super::Hasher;

/// Instruments, once there are any: commands run without. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Meters(Arc<OnceLock<Instruments>>);

struct Instruments {
    wait: Histogram<f64>,
    duration: Histogram<f64>,
    refused: Counter<u64>,
}

/// A hash takes 20 ms on a quick core; a full queue of them some seconds.
const SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

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

/// How full the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Jobs that wait or are worked on.
    pub length: usize,
    /// How many there may be.
    pub capacity: usize,
}

impl Queue {
    fn of(places: &Semaphore, capacity: usize) -> Self {
        Self { length: capacity.saturating_sub(places.available_permits()), capacity }
    }
}

impl Hasher {
    pub fn queue(&self) -> Queue {
        Queue::of(&self.places, self.capacity)
    }

    /// Measures from now on.
    pub fn observe(&self, meter: &Meter) {
        let seconds = |name, about| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(about);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        self.meters.0.get_or_init(|| Instruments {
            wait: seconds("password.hash.wait", "Time that passwords wait for a hash thread"),
            duration: seconds("password.hash.duration", "Time that a hash thread takes for one"),
            refused: meter
                .u64_counter("password.hash.refused")
                .with_unit("{password}")
                .with_description("Passwords that found the queue full")
                .build(),
        });
        if let Some(all) = self.meters.0.get() {
            all.refused.add(0, &[]);
        }
        self.gauge(meter, "password.hash.queue.length", "Passwords that wait or are hashed", |queue| {
            queue.length
        });
        self.gauge(meter, "password.hash.queue.capacity", "How many there may be", |queue| queue.capacity);
    }

    fn gauge(&self, meter: &Meter, name: &'static str, about: &'static str, of: fn(Queue) -> usize) {
        let (places, capacity) = (self.places.clone(), self.capacity);
        meter
            .u64_observable_gauge(name)
            .with_unit("{password}")
            .with_description(about)
            .with_callback(move |to| {
                to.observe(u64::try_from(of(Queue::of(&places, capacity))).unwrap_or(u64::MAX), &[]);
            })
            .build();
    }
}
