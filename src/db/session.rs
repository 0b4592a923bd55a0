//! A connection for reading, and a transaction for writing.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::attempt::note_commit;
use super::change::{Change, Herald};
use super::connection::Held;
use super::error::DbError;
use super::meters::Meters;
use super::query::{Query, ReadOnly, ReadWrite};
use super::watch::Watch;
use crate::base::clock::Clock;

/// A connection to one of the two databases. Outside a transaction it only reads.
pub struct Session {
    held: Held,
    /// How long there was no connection for it.
    waited: Duration,
    meters: Arc<Meters>,
}

impl Session {
    pub(super) fn new(held: Held, waited: Duration, meters: Arc<Meters>) -> Self {
        Self { held, waited, meters }
    }

    /// Starts a statement that reads. Parameters are `$1`, `$2`, … on both databases.
    pub fn query(&mut self, sql: &'static str) -> Query<'_, ReadOnly> {
        self.start(sql)
    }

    fn start<Access>(&mut self, sql: &'static str) -> Query<'_, Access> {
        self.meters.statements.fetch_add(1, Ordering::Relaxed);
        Query::new(self.held.connection(), Watch { waited: self.waited, meters: &self.meters }, sql)
    }
}

/// A transaction, rolled back when it is dropped without [`Tx::commit`].
pub struct Tx {
    session: Session,
    clock: Clock,
    herald: Herald,
    changes: Vec<Change>,
    /// How long statements wait for what others hold, unless they say otherwise.
    lock_timeout: Duration,
}

impl Tx {
    pub(super) fn new(session: Session, clock: Clock, herald: Herald, lock_timeout: Duration) -> Self {
        Self { session, clock, herald, changes: Vec::new(), lock_timeout }
    }

    /// Starts a statement that may write.
    pub fn query(&mut self, sql: &'static str) -> Query<'_, ReadWrite> {
        self.session.start(sql)
    }

    /// Bounds for how long each statement from here on waits for what other transactions hold; `None` is
    /// the configured time again. On SQLite nothing waits: writers have queued for the transaction itself.
    pub async fn wait_for_locks(&mut self, most: Option<Duration>) -> Result<(), DbError> {
        if matches!(self.session.held, Held::Sqlite(_) | Held::SqliteTx(_)) {
            return Ok(());
        }
        let most = most.unwrap_or(self.lock_timeout);
        let query = self.query("SELECT set_config('lock_timeout', $1, true)");
        query.bind(most.as_millis().to_string()).execute().await.map(drop)
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
        let changes = mem::take(&mut self.changes);
        self.number(&changes).await?;
        let committed = match self.session.held {
            Held::SqliteTx(tx) => tx.commit().await.map_err(DbError::from),
            Held::PostgresTx(tx, silence) | Held::Pooled(tx, silence) => {
                silence.end(tx.commit()).await.map_err(DbError::from)
            }
            Held::Sqlite(_) | Held::Postgres(..) => Ok(()),
        };
        if !committed.as_ref().is_err_and(DbError::is_given_up) {
            note_commit();
        }
        committed?;
        self.herald.tell(&changes);
        Ok(())
    }

    /// Numbers the changes and writes them down. The clock's row stays locked until the commit, so the
    /// order of the numbers is the order of the commits.
    async fn number(&mut self, changes: &[Change]) -> Result<(), DbError> {
        let Ok(count @ 1..) = i64::try_from(changes.len()) else { return Ok(()) };
        let (last,): (i64,) =
            self.query("UPDATE access_clock SET n = n + $1 RETURNING n").bind(count).fetch_one().await?;
        let now = self.clock.now();
        for (n, change) in (last - count + 1..).zip(changes) {
            let (kind, subject) = change.columns();
            self.query(
                "INSERT INTO access_changes (n, occurred_at, kind, subject_id) VALUES ($1, $2, $3, $4)",
            )
            .bind(n)
            .bind(now)
            .bind(kind)
            .bind(subject)
            .execute()
            .await?;
        }
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
