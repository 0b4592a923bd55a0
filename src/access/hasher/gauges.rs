//! What the hash threads are asked at a scrape.

use opentelemetry::metrics::Meter;
use tokio::sync::Semaphore;

use super::Hasher;
use super::meters::Instruments;

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
        self.meters.0.get_or_init(|| Instruments::new(meter));
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
