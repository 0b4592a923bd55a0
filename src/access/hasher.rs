//! The hash threads: as many as cores, each with its own memory, behind a bounded queue. What else
//! takes a core for long, the estimate of a new password's strength, is done by them, too.
//!
//! Argon2id at 19 MiB takes about 20 ms of a core. More threads than cores, or a queue without an
//! end, would let a flood of sign-ins stop every other request.

mod gauges;
mod job;
mod meters;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use argon2::Params;
use crossbeam_channel::{Sender, unbounded};
use tokio::sync::{Semaphore, oneshot};
use tracing::Instrument;

use self::job::{Job, Task};
pub use self::job::{Place, Verdict};
use self::meters::Meters;
use self::worker::Worker;
use super::stopwatch;
use super::strength::{Measure, Weakness};
use crate::base::random::Random;
use crate::base::secret::Password;
use crate::config::Hash;
use crate::telemetry::subject;

/// Handle to the threads; clones share them.
#[derive(Clone)]
pub struct Hasher {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
    random: Random,
    computed: Arc<AtomicU64>,
    capacity: usize,
    meters: Meters,
}

/// Why no hash was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    #[error("the hash queue is full")]
    QueueFull,
    #[error("a hash thread did not answer")]
    Lost,
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// The Argon2 settings are out of range, or a thread cannot be started.
    pub fn start(settings: &Hash, random: Random) -> std::io::Result<Self> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .map_err(|e| std::io::Error::other(format!("auth.hash: {e}")))?;
        let threads = settings.threads();
        // The semaphore bounds it.
        let (jobs, queue) = unbounded();
        let (computed, meters) = (Arc::new(AtomicU64::new(0)), Meters::default());
        for i in 0..threads {
            let worker = Worker::new(params.clone(), &random, computed.clone(), meters.clone())?;
            let queue = queue.clone();
            std::thread::Builder::new().name(format!("hash-{i}")).spawn(move || worker.run(&queue))?;
        }
        let capacity = threads + settings.queue;
        Ok(Self { jobs, places: Arc::new(Semaphore::new(capacity)), random, computed, capacity, meters })
    }

    /// How many times Argon2 was computed so far, to compare or to make a hash.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Takes a place in the queue, or says at once that there is none.
    pub fn admit(&self) -> Result<Place, HashError> {
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| {
            self.meters.refused();
            HashError::QueueFull
        })
    }

    /// The Argon2id hash of a password, in PHC form; of a new one only if it is good enough by `measure`.
    pub async fn hash(
        &self,
        place: Place,
        password: Password,
        measure: Option<Measure>,
    ) -> Result<Result<String, Weakness>, HashError> {
        let salt = self.random.bytes();
        self.submit(place, |reply| Task::Hash { password, salt, measure, reply }).await
    }

    /// Whether a password is hard to guess.
    pub async fn measure(
        &self,
        place: Place,
        password: Password,
        measure: Measure,
    ) -> Result<Result<(), Weakness>, HashError> {
        self.submit(place, |reply| Task::Measure { password, measure, reply }).await
    }

    /// Compares a password with a stored hash; without one, does the same work and says no.
    pub async fn verify(
        &self,
        place: Place,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verdict, HashError> {
        self.submit(place, |reply| Task::Verify { password, stored, reply }).await
    }

    async fn submit<T>(
        &self,
        place: Place,
        task: impl FnOnce(oneshot::Sender<T>) -> Task,
    ) -> Result<T, HashError> {
        let (reply, answer) = oneshot::channel();
        let span = stopwatch::span();
        let (queued, subject) = (Instant::now(), subject::present());
        let job = Job { task: task(reply), place, queued, span: span.clone(), subject };
        self.jobs.send(job).map_err(|_| HashError::Lost)?;
        answer.instrument(span).await.map_err(|_| HashError::Lost)
    }
}
