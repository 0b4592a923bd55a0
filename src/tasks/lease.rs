//! A lease: what only one process among all replicas may do at a time.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::db::{Db, DbError, Tx};

crate::id_type!(
    /// Whoever may hold a lease: one worker of one process.
    HolderId
);

/// A lease that was taken. It lasts until its time is over, or until [`Lease::release`].
///
/// Processes pause, so holding it is no proof: what must not be done twice is written in one transaction
/// with [`Lease::renew`], which only the last to have taken it can do.
#[derive(Clone, Debug)]
pub struct Lease {
    name: &'static str,
    holder: HolderId,
    /// Which taking of the lease this is: an earlier holder has a lower one.
    fence: i64,
}

impl Lease {
    /// Takes the lease for `length` if nobody else holds it. One statement: of many at once one gets it.
    /// One that would last for more than twice that was taken by a clock that was ahead, and is none.
    pub async fn take(
        db: &Db,
        name: &'static str,
        holder: HolderId,
        now: Timestamp,
        length: Duration,
    ) -> Result<Option<Self>, DbError> {
        let mut tx = db.write().await?;
        let taken: Option<(i64,)> = tx
            .query(
                "INSERT INTO leases (name, holder_id, fence, expires_at) VALUES ($1, $2, 1, $3)
                 ON CONFLICT (name) DO UPDATE SET holder_id = $2, fence = leases.fence + 1, expires_at = $3
                 WHERE leases.expires_at <= $4 OR leases.expires_at > $5 OR leases.holder_id = $2
                 RETURNING fence",
            )
            .bind(name)
            .bind(holder)
            .bind(now.plus(length))
            .bind(now)
            .bind(now.plus(2 * length))
            .fetch_optional()
            .await?;
        tx.commit().await?;
        Ok(taken.map(|(fence,)| Self { name, holder, fence }))
    }

    /// Prolongs the lease to `length` from `now`; `false` if somebody else has taken it.
    /// Until the transaction ends, nobody else can.
    pub async fn renew(&self, tx: &mut Tx, now: Timestamp, length: Duration) -> Result<bool, DbError> {
        self.end_at(tx, now.plus(length)).await
    }

    /// Gives the lease back, if it is still held.
    pub async fn release(self, db: &Db, now: Timestamp) -> Result<(), DbError> {
        let mut tx = db.write().await?;
        self.end_at(&mut tx, now).await?;
        tx.commit().await
    }

    async fn end_at(&self, tx: &mut Tx, end: Timestamp) -> Result<bool, DbError> {
        let touched = tx
            .query("UPDATE leases SET expires_at = $4 WHERE name = $1 AND holder_id = $2 AND fence = $3")
            .bind(self.name)
            .bind(self.holder)
            .bind(self.fence)
            .bind(end)
            .execute()
            .await?;
        Ok(touched > 0)
    }
}
