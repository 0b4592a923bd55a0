//! Keeping what is remembered about callers true: every replica follows the feed of changes, and
//! believes nobody once it has not heard from the database for too long.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Access;
use super::keys::KeyError;
use crate::db::{Change, DbError, Session};
use crate::tasks::Round;

/// How often the feed is read: a change is heard everywhere well within a second.
pub const PERIOD: Duration = Duration::from_millis(250);
/// A database that has not answered by then is lost, until it does.
const PATIENCE: Duration = Duration::from_millis(1500);

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
        self.audit.meters.heard(changes.len());
        Ok(())
    }

    /// A reading that fails is tried again with the next look. Keys that this server's secret does not
    /// open are none of its keys; it goes on with those that are.
    async fn read_keys(&self, db: &mut Session) -> Result<(), DbError> {
        match self.keys.reload(db).await {
            Err(KeyError::Database(error)) => return Err(error),
            Err(error) => tracing::error!(%error, task = "keys", "not all keys can be read"),
            Ok(()) => {}
        }
        // Whatever was checked with the old keys while the new ones were read.
        self.memory.forget(&[Change::Keys]);
        self.freshness.keys_changed.store(false, Ordering::Release);
        Ok(())
    }

    /// One look in the background. The log says once that nobody is believed, and once that it is over.
    pub async fn keep_following(&self) -> Round {
        let mut cause = None;
        let look = async {
            match self.follow().await {
                // The connection may have ended, and the database not.
                Err(error) => {
                    cause = Some(error);
                    self.follow().await
                }
                done => done,
            }
        };
        let failure = match timeout(PATIENCE, look).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(why(&cause.unwrap_or(error))),
            Err(_) => Some(match &cause {
                Some(error) => why(error),
                None => self.db.why_silent().await,
            }),
        };
        self.db.answers(failure.as_deref());
        if failure.is_none() {
            self.db.warn_of_clock();
        }
        let told = &self.freshness.told;
        let round = if failure.is_none() { Round::Done } else { Round::Failed };
        match failure {
            None if told.swap(false, Ordering::Relaxed) => {
                tracing::info!("callers are believed again: the database answers");
            }
            Some(error) if !self.freshness.is_fresh() && !told.swap(true, Ordering::Relaxed) => {
                tracing::error!(error, task = "feed", "no caller is believed until the database answers");
            }
            _ => {}
        }
        round
    }
}

/// What the database or the network said.
fn why(error: &KeyError) -> String {
    match error {
        KeyError::Database(error) => error.cause(),
        error => error.to_string(),
    }
}
