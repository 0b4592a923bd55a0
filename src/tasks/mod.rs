//! Floor 4: background work, and the order in which it ends.

pub mod lease;
mod pulse;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use opentelemetry::metrics::Meter;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::pulse::Pulses;

pub use self::pulse::Round;

/// Everything that runs beside the requests. Clones share it.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    drain: CancellationToken,
    stop: CancellationToken,
    cut: CancellationToken,
    pulses: Pulses,
}

impl Tasks {
    /// Runs `work` every `period` until the shutdown; a round that has begun is finished.
    /// `work` reports its own failures, and a panic has been logged: the next round comes all the same.
    pub fn every<F>(&self, name: &'static str, period: Duration, work: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = Round> + Send + 'static,
    {
        self.every_or_asked(name, period, Arc::default(), work);
    }

    /// As [`every`](Self::every); a round begins at once when it is asked for.
    pub fn every_or_asked<F>(
        &self,
        name: &'static str,
        period: Duration,
        asked: Arc<Notify>,
        mut work: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = Round> + Send + 'static,
    {
        let (stop, pulse) = (self.stop.clone(), self.pulses.begin(name, period));
        self.tracker.spawn(async move {
            let due = || tokio::time::timeout(period, asked.notified());
            while stop.run_until_cancelled(due()).await.is_some() {
                pulse.beat(AssertUnwindSafe(work()).catch_unwind().await.ok());
            }
        });
    }

    /// Measures from now on whether periodic work succeeds.
    pub fn measure(&self, meter: &Meter) {
        self.pulses.measure(meter);
    }

    /// Says that the process is about to end: readiness turns down, so that nobody sends more.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Resolves when the process is about to end.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        self.drain.clone().cancelled_owned()
    }

    /// Whether no more rounds begin; one that consists of many steps ends with the present one.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when the listeners are to stop accepting.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        self.stop.clone().cancelled_owned()
    }

    /// Tells the listeners and all periodic work to stop.
    pub fn stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Says that the time of the shutdown is over: what has not ended is dropped.
    pub fn cut_off(&self) {
        self.cut.cancel();
    }

    pub fn is_cut_off(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Stops, and waits for what has begun, for `patience` at most; says whether all ended.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        self.stop();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_round_that_panics_is_followed_by_the_next() {
        let (tasks, rounds) = (Tasks::default(), Arc::new(AtomicU32::new(0)));
        let counter = rounds.clone();
        tasks.every("test", Duration::from_millis(1), move || {
            let round = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(round > 0, "the first round fails");
                Round::Done
            }
        });
        let second = async {
            while rounds.load(Ordering::SeqCst) < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), second).await.expect("there is a second round");
        assert!(tasks.shut_down(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_round_that_has_begun_is_finished_before_the_shutdown_returns() {
        let tasks = Tasks::default();
        let (begun, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counters = (begun.clone(), done.clone());
        tasks.every("test", Duration::from_millis(1), move || {
            let (begun, done) = counters.clone();
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                done.fetch_add(1, Ordering::SeqCst);
                Round::Done
            }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(tasks.shut_down(Duration::from_secs(5)).await);
        assert!(done.load(Ordering::SeqCst) >= 1);
        assert_eq!(begun.load(Ordering::SeqCst), done.load(Ordering::SeqCst));
    }
}
