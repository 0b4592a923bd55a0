//! A password that was right: the unit that was reserved to check it goes back, whatever comes of the act.

use std::time::Duration;

use tokio::runtime::Handle;

use super::throttle::{self, Unit};
use crate::base::clock::Clock;
use crate::base::keyring::Tag;
use crate::db::{Db, DbError, Tx};

/// How long it takes until what could not be given back is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The password was right. Settled with the transaction that acts on it; where there is none in the end, since
/// it failed or the caller hung up, by itself.
pub struct Proof {
    owed: Option<Owed>,
    /// The stored hash should be replaced by one with today's settings.
    pub outdated: bool,
}

/// The budgets that a right password opens, and what it takes to say so.
pub(super) struct Owed {
    pub db: Db,
    pub clock: Clock,
    pub charged: Tag,
    pub account: Tag,
    pub unit: Unit,
}

impl Proof {
    pub(super) fn new(owed: Owed, outdated: bool) -> Self {
        Self { owed: Some(owed), outdated }
    }

    /// Gives the unit back in the transaction that the right password opened the way to, and commits it.
    pub async fn settle(mut self, mut tx: Tx) -> Result<(), DbError> {
        if let Some(owed) = &self.owed {
            owed.give_back(&mut tx).await?;
        }
        // Of a commit that fails it is not known whether it came to pass, and no unit goes back twice.
        self.owed = None;
        tx.commit().await
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        if let (Some(owed), Ok(runtime)) = (self.owed.take(), Handle::try_current()) {
            runtime.spawn(owed.settle());
        }
    }
}

impl Owed {
    /// As soon as the database lets it, and as long as it makes a difference.
    async fn settle(self) {
        while self.clock.now() < self.unit.until {
            if let Ok(mut tx) = self.db.write().await
                && self.give_back(&mut tx).await.is_ok()
            {
                _ = tx.commit().await;
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn give_back(&self, tx: &mut Tx) -> Result<(), DbError> {
        throttle::give_back(tx, &self.charged, self.unit).await?;
        if self.charged != self.account {
            throttle::vouch(tx, &self.account).await?;
        }
        Ok(())
    }
}
