//! What only the database knows, as it was when somebody looked: a scrape that finds it silent still tells
//! the rest, and two scrapes at once look once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::metrics::Meter;
use tokio::time::timeout;

/// What a look found out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sounding {
    /// Mails that wait to be sent.
    pub queued: u64,
    /// How long the first of them has been waiting.
    pub oldest: Duration,
    /// Whether all migrations that this version needs are applied.
    pub is_migrated: bool,
}

/// A look that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(1);
/// What was found stays true for so long.
const FRESH: Duration = Duration::from_secs(2);

/// When somebody looked last, and what they found.
type Last = Option<(Instant, Option<Sounding>)>;

/// The last look. Clones share it.
#[derive(Clone, Default)]
pub struct Soundings {
    turn: Arc<tokio::sync::Mutex<()>>,
    last: Arc<Mutex<Last>>,
}

impl Soundings {
    /// What the last look found; `None` where the database did not answer.
    pub fn last(&self) -> Option<Sounding> {
        self.known().and_then(|(_, found)| found)
    }

    /// Looks, unless somebody has just done so.
    pub async fn take<E>(&self, look: impl Future<Output = Result<Sounding, E>>) {
        let _turn = self.turn.lock().await;
        if self.known().is_some_and(|(at, _)| at.elapsed() < FRESH) {
            return;
        }
        let found = timeout(PATIENCE, look).await.ok().and_then(Result::ok);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found));
    }

    fn known(&self) -> Last {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what was found. Of what is not known there is no series.
    pub fn observe(&self, meter: &Meter) {
        let this = self.clone();
        meter
            .u64_observable_gauge("db.up")
            .with_description("Whether the database answered the last look: 1 or 0")
            .with_callback(move |to| {
                _ = this.known().map(|(_, found)| to.observe(found.is_some().into(), &[]))
            })
            .build();
        let this = self.clone();
        meter
            .u64_observable_gauge("outbox.queued")
            .with_unit("{mail}")
            .with_description("Mails that wait to be sent")
            .with_callback(move |to| _ = this.last().map(|found| to.observe(found.queued, &[])))
            .build();
        let this = self.clone();
        meter
            .f64_observable_gauge("outbox.oldest.age")
            .with_unit("s")
            .with_description("How long the first of them has been waiting")
            .with_callback(move |to| _ = this.last().map(|found| to.observe(found.oldest.as_secs_f64(), &[])))
            .build();
        let this = self.clone();
        meter
            .u64_observable_gauge("schema.current")
            .with_description("Whether the migrations that this version needs are applied: 1 or 0")
            .with_callback(move |to| _ = this.last().map(|found| to.observe(found.is_migrated.into(), &[])))
            .build();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_look_once() {
        let (soundings, looks) = (Soundings::default(), AtomicU32::new(0));
        let look = || async {
            looks.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, ()>(Sounding { queued: 3, ..Sounding::default() })
        };
        futures_util::future::join_all((0..20).map(|_| soundings.take(look()))).await;
        assert_eq!((looks.load(Ordering::Relaxed), soundings.last().map(|found| found.queued)), (1, Some(3)));
    }

    #[tokio::test]
    async fn a_database_that_is_silent_holds_a_scrape_up_for_a_second_at_most() {
        let soundings = Soundings::default();
        let begun = Instant::now();
        let silent = || std::future::pending::<Result<Sounding, ()>>();
        futures_util::future::join_all((0..20).map(|_| soundings.take(silent()))).await;
        assert!(begun.elapsed() < 10 * PATIENCE, "{:?}", begun.elapsed());
        assert_eq!(soundings.last(), None);
    }
}
