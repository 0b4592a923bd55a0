//! A connection for reading, and a transaction for writing.

use std::ops::{Deref, DerefMut};

use super::connection::Held;
use super::error::DbError;
use super::query::{Query, ReadOnly, ReadWrite};

/// A connection to one of the two databases. Outside a transaction it only reads.
pub struct Session(Held);

impl Session {
    pub(super) fn new(held: Held) -> Self {
        Self(held)
    }

    /// Starts a statement that reads. Parameters are `$1`, `$2`, … on both databases.
    pub fn query(&mut self, sql: &'static str) -> Query<'_, ReadOnly> {
        Query::new(self.0.connection(), sql)
    }
}

/// A transaction, rolled back when it is dropped without [`Tx::commit`].
pub struct Tx(Session);

impl Tx {
    pub(super) fn new(held: Held) -> Self {
        Self(Session(held))
    }

    /// Starts a statement that may write.
    pub fn query(&mut self, sql: &'static str) -> Query<'_, ReadWrite> {
        Query::new(self.0.0.connection(), sql)
    }

    /// Makes everything done in this transaction durable and visible, or nothing of it.
    pub async fn commit(self) -> Result<(), DbError> {
        match self.0.0 {
            Held::SqliteTx(tx) => tx.commit().await?,
            Held::PostgresTx(tx) => tx.commit().await?,
            Held::Sqlite(_) | Held::Postgres(_) => {}
        }
        Ok(())
    }
}

/// What reads takes a `&mut Session`; inside a transaction that is the transaction.
impl Deref for Tx {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.0
    }
}
