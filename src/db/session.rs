//! A connection for reading, and a transaction for writing.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::connection::Held;
use super::error::DbError;
use super::feed::{Change, Feed};
use super::query::{Query, ReadOnly, ReadWrite};

/// A connection to one of the two databases. Outside a transaction it only reads.
pub struct Session {
    held: Held,
    statements: Arc<AtomicU64>,
}

impl Session {
    pub(super) fn new(held: Held, statements: Arc<AtomicU64>) -> Self {
        Self { held, statements }
    }

    /// Starts a statement that reads. Parameters are `$1`, `$2`, … on both databases.
    pub fn query(&mut self, sql: &'static str) -> Query<'_, ReadOnly> {
        self.start(sql)
    }

    fn start<Access>(&mut self, sql: &'static str) -> Query<'_, Access> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        Query::new(self.held.connection(), sql)
    }
}

/// A transaction, rolled back when it is dropped without [`Tx::commit`].
pub struct Tx {
    session: Session,
    feed: Feed,
    changes: Vec<Change>,
}

impl Tx {
    pub(super) fn new(session: Session, feed: Feed) -> Self {
        Self { session, feed, changes: Vec::new() }
    }

    /// Starts a statement that may write.
    pub fn query(&mut self, sql: &'static str) -> Query<'_, ReadWrite> {
        self.session.start(sql)
    }

    /// Says what every replica has to hear of once this transaction is committed.
    pub fn announce(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// Makes everything done in this transaction durable and visible, or nothing of it. What it
    /// announced is numbered last, and known to this replica before this returns.
    pub async fn commit(mut self) -> Result<(), DbError> {
        let (feed, changes) = (self.feed.clone(), mem::take(&mut self.changes));
        feed.write(&mut self, &changes).await?;
        match self.session.held {
            Held::SqliteTx(tx) => tx.commit().await?,
            Held::PostgresTx(tx) => tx.commit().await?,
            Held::Sqlite(_) | Held::Postgres(_) => {}
        }
        feed.tell(&changes);
        Ok(())
    }
}

/// What reads takes a `&mut Session`; inside a transaction that is the transaction.
impl Deref for Tx {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
