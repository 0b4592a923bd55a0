//! Keeping what is remembered about callers true: every replica follows the feed of changes, and
//! believes nobody once it has not heard from the database for too long.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Access;
use super::keys::KeyError;
use crate::db::{Change, DbError, Session};

/// How often the feed is read: a change is heard everywhere well within a second.
pub const PERIOD: Duration = Duration::from_millis(250);
/// A database that has not answered by then is asked again.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest that anyone is believed without a look at the feed.
const TRUSTED: Duration = Duration::from_secs(5);

/// Since when this replica knows what it knows.
pub struct Freshness {
    origin: Instant,
    /// When the last look that succeeded began, in milliseconds after the origin.
    looked: AtomicU64,
    /// Whether the log says that nobody is believed.
    told: AtomicBool,
    /// The keys in the database may be others than those that are held.
    keys_changed: AtomicBool,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            looked: AtomicU64::new(0),
            told: AtomicBool::new(false),
            // Since they were read and before the first look they may have changed, unheard.
            keys_changed: AtomicBool::new(true),
        }
    }
}

impl Freshness {
    fn looked_at(&self, begun: Instant) {
        let millis = u64::try_from(begun.duration_since(self.origin).as_millis()).unwrap_or(u64::MAX);
        self.looked.fetch_max(millis, Ordering::AcqRel);
    }

    pub fn is_fresh(&self) -> bool {
        self.is_fresh_at(Instant::now())
    }

    fn is_fresh_at(&self, now: Instant) -> bool {
        now.duration_since(self.origin)
            <= TRUSTED + Duration::from_millis(self.looked.load(Ordering::Acquire))
    }
}

impl Access {
    /// Looks at the feed once and forgets what is not true any more.
    pub async fn follow(&self) -> Result<(), KeyError> {
        let begun = Instant::now();
        let mut db = self.db.follow().await?;
        let changes = self.db.feed().poll(&mut db).await?;
        if changes.iter().any(|change| matches!(change, Change::Keys | Change::Everything)) {
            self.freshness.keys_changed.store(true, Ordering::Release);
        }
        if self.freshness.keys_changed.load(Ordering::Acquire) {
            self.read_keys(&mut db).await?;
        }
        self.freshness.looked_at(begun);
        Ok(())
    }

    /// A reading that fails is tried again with the next look. Keys that this server's secret does not
    /// open are none of its keys; it goes on with those that are.
    async fn read_keys(&self, db: &mut Session) -> Result<(), DbError> {
        match self.keys.reload(db).await {
            Err(KeyError::Database(error)) => return Err(error),
            Err(error) => tracing::error!(%error, "not all keys can be read"),
            Ok(()) => {}
        }
        // Whatever was checked with the old keys while the new ones were read.
        self.memory.forget(&[Change::Keys]);
        self.freshness.keys_changed.store(false, Ordering::Release);
        Ok(())
    }

    /// One look in the background. The log says once that nobody is believed, and once that it is over.
    pub async fn keep_following(&self) {
        let failure = match timeout(PATIENCE, self.follow()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it does not answer".to_owned()),
        };
        let told = &self.freshness.told;
        match failure {
            None if told.swap(false, Ordering::Relaxed) => {
                tracing::info!("callers are believed again: the database answers");
            }
            Some(error) if !self.freshness.is_fresh() && !told.swap(true, Ordering::Relaxed) => {
                tracing::warn!(error, "no caller is believed until the database answers");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_believed_five_seconds_after_the_last_look_that_succeeded_began() {
        let freshness = Freshness::default();
        let after = |millis| freshness.origin + Duration::from_millis(millis);
        assert!(freshness.is_fresh_at(after(5_000)) && !freshness.is_fresh_at(after(5_001)));
        freshness.looked_at(after(3_000));
        assert!(freshness.is_fresh_at(after(8_000)) && !freshness.is_fresh_at(after(8_001)));
        // A look that began earlier and took longer says nothing new.
        freshness.looked_at(after(1_000));
        assert!(freshness.is_fresh_at(after(8_000)));
    }
}
