//! What one look finds out is good for all who ask about the same time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// When somebody looked last, and what they found.
type Last<T> = Option<(Instant, Option<T>)>;

/// The last look, made again when it is no longer fresh, by one at a time. Clones share it.
#[derive(Clone, Debug)]
pub struct Latest<T>(Arc<Looks<T>>);

#[derive(Debug)]
struct Looks<T> {
    /// What was found is believed for so long.
    fresh: Duration,
    /// A look that takes longer is given up.
    patience: Duration,
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Last<T>>,
}

impl<T: Copy> Latest<T> {
    pub fn new(fresh: Duration, patience: Duration) -> Self {
        Self(Arc::new(Looks { fresh, patience, turn: tokio::sync::Mutex::default(), last: Mutex::default() }))
    }

    /// What the last look found: nothing where it failed. `None` if there was none in the last `age`.
    pub fn known(&self, age: Duration) -> Option<Option<T>> {
        self.last().filter(|(at, _)| at.elapsed() < age).map(|(_, found)| found)
    }

    /// What is found by looking, unless somebody has just done so; `None` where that fails, or takes too long.
    pub async fn take<E>(&self, look: impl Future<Output = Result<T, E>>) -> Option<T> {
        let _turn = self.0.turn.lock().await;
        if let Some((at, found)) = self.last()
            && at.elapsed() < self.0.fresh
        {
            return found;
        }
        let found = timeout(self.0.patience, look).await.ok().and_then(Result::ok);
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found));
        found
    }

    fn last(&self) -> Last<T> {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;

    const FRESH: Duration = Duration::from_secs(60);
    const PATIENCE: Duration = Duration::from_millis(500);

    #[tokio::test]
    async fn many_who_ask_at_once_look_once() {
        let (latest, looks) = (Latest::new(FRESH, PATIENCE), AtomicU32::new(0));
        let look = || async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, ()>(looks.fetch_add(1, Ordering::Relaxed))
        };
        assert_eq!(latest.known(FRESH), None);
        let found = join_all((0..20).map(|_| latest.take(look()))).await;
        assert_eq!((found, looks.load(Ordering::Relaxed)), (vec![Some(0); 20], 1));
        assert_eq!((latest.known(FRESH), latest.known(Duration::ZERO)), (Some(Some(0)), None));
    }

    #[tokio::test]
    async fn what_is_no_longer_fresh_is_looked_for_again() {
        let latest = Latest::new(Duration::ZERO, PATIENCE);
        assert_eq!(latest.take(async { Ok::<_, ()>(1) }).await, Some(1));
        assert_eq!(latest.take(async { Err(()) }).await, None);
        assert_eq!(latest.known(FRESH), Some(None));
    }

    #[tokio::test]
    async fn who_waits_for_what_never_answers_waits_once() {
        let latest = Latest::<u32>::new(FRESH, PATIENCE);
        let begun = Instant::now();
        let silent = || std::future::pending::<Result<u32, ()>>();
        assert_eq!(join_all((0..20).map(|_| latest.take(silent()))).await, vec![None; 20]);
        assert!(begun.elapsed() < 10 * PATIENCE, "{:?}", begun.elapsed());
    }
}
