//! Many entries at once, for what is done to thousands in one transaction.

use super::{Action, Audit, EventId};
use crate::base::id::UserId;
use crate::db::{DbError, Tx};

/// How many rows one statement writes: databases count what is bound.
const ROWS: usize = 1000;

impl Audit {
    /// Writes one entry for each of `subjects`, by nobody who is signed in and from nowhere in particular:
    /// at the terminal. There are no details, so no rows lie beside them.
    pub async fn record_each(&self, tx: &mut Tx, action: Action, subjects: &[UserId]) -> Result<(), DbError> {
        for some in subjects.chunks(ROWS) {
            let now = self.clock.now();
            let mut query =
                tx.query("INSERT INTO audit_events (id, occurred_at, action, subject_id) VALUES ");
            for (at, subject) in some.iter().enumerate() {
                let id = EventId::fresh(&self.clock, &self.random);
                query = query.push(if at > 0 { ", ($?" } else { "($?" }).bind(id).push(", $?").bind(now);
                query = query.push(", $?").bind(action).push(", $?)").bind(*subject);
            }
            query.execute().await?;
        }
        Ok(())
    }
}
