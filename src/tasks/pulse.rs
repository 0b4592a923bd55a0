//! Whether periodic work still succeeds.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

/// How a round of periodic work ended. What went wrong is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    Done,
    Failed,
}

impl Round {
    pub fn of<T, E>(outcome: &Result<T, E>) -> Self {
        if outcome.is_ok() { Self::Done } else { Self::Failed }
    }
}

/// All periodic work. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Pulses {
    works: Arc<Mutex<Vec<Arc<Pulse>>>>,
    rounds: Arc<OnceLock<Counter<u64>>>,
}

/// One work among them.
pub(super) struct Pulse {
    name: &'static str,
    period: Duration,
    succeeded: Mutex<Instant>,
    rounds: Arc<OnceLock<Counter<u64>>>,
}

impl Pulses {
    pub fn begin(&self, name: &'static str, period: Duration) -> Arc<Pulse> {
        let (succeeded, rounds) = (Mutex::new(Instant::now()), self.rounds.clone());
        let pulse = Arc::new(Pulse { name, period, succeeded, rounds });
        self.works.lock().unwrap_or_else(PoisonError::into_inner).push(pulse.clone());
        pulse
    }

    /// Measures from now on.
    pub fn measure(&self, meter: &Meter) {
        self.rounds.get_or_init(|| {
            let rounds = meter.u64_counter("task.rounds").with_unit("{round}");
            rounds.with_description("Rounds of periodic work, and how they ended").build()
        });
        self.gauge(meter, "task.last_success.age", "Time since the last round that succeeded", |pulse| {
            pulse.succeeded.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
        });
        self.gauge(meter, "task.period", "Time between two rounds", |pulse| pulse.period);
    }

    fn gauge(&self, meter: &Meter, name: &'static str, about: &'static str, of: fn(&Pulse) -> Duration) {
        let works = self.works.clone();
        meter
            .f64_observable_gauge(name)
            .with_unit("s")
            .with_description(about)
            .with_callback(move |to| {
                for pulse in works.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    to.observe(of(pulse).as_secs_f64(), &[KeyValue::new("task", pulse.name)]);
                }
            })
            .build();
    }
}

impl Pulse {
    /// A round ended; `None` is a panic.
    pub fn beat(&self, round: Option<Round>) {
        let outcome = match round {
            Some(Round::Done) => "done",
            Some(Round::Failed) => "failed",
            None => "panicked",
        };
        if round == Some(Round::Done) {
            *self.succeeded.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        if let Some(rounds) = self.rounds.get() {
            // The first failure is an increase only where there was a number before.
            for each in ["done", "failed", "panicked"] {
                let attributes = [KeyValue::new("task", self.name), KeyValue::new("outcome", each)];
                rounds.add(u64::from(each == outcome), &attributes);
            }
        }
    }
}
