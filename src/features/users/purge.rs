//! The purge: an account that was deleted too long ago to be restored goes, with all that was held about
//! the person. What stays are rows of the audit log, which know nobody but by an id that leads nowhere.

use super::error::UsersError;
use super::service::Users;
use super::store;
use crate::access::audit::{self, Action};
use crate::access::origin::Origin;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::{DbError, Session, Tx};
use crate::mail::held;

impl Users {
    /// Accounts that were deleted before this are purged.
    pub(super) fn purged_before(&self) -> Timestamp {
        self.0.clock.now().minus(self.0.config.users.purge_after)
    }

    /// Purges up to `limit` accounts that are due; says how many.
    pub async fn purge(&self, tx: &mut Tx, limit: i64) -> Result<usize, UsersError> {
        let before = self.purged_before();
        let mut purged = 0;
        for (id, email) in due(tx, before, limit).await? {
            // Whoever restores it in this moment is waited for, and keeps it.
            if remove(tx, id, before).await? {
                self.forget(tx, id, &email).await?;
                purged += 1;
            }
        }
        Ok(purged)
    }

    /// Removes what the row of the account does not take with it.
    async fn forget(&self, tx: &mut Tx, id: UserId, email: &Email) -> Result<(), UsersError> {
        audit::forget(tx, id).await?;
        held::forget(tx, id).await?;
        // Somebody may have the address by now; then its budgets are theirs.
        if store::find_by_email(tx, email).await?.is_none() {
            self.0.passwords.forget(tx, email).await?;
        }
        Ok(self.0.audit.record(tx, Action::UserPurged, None, Some(id), &Origin::TERMINAL).await?)
    }
}

/// Accounts that are due, with the address that each had, those that were deleted first first.
pub(super) async fn due(
    db: &mut Session,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(UserId, Email)>, DbError> {
    db.query("SELECT id, email FROM users WHERE deleted_at <= $1 ORDER BY deleted_at LIMIT $2")
        .bind(before)
        .bind(limit)
        .fetch_all()
        .await
}

/// Deletes the row, and with it sessions, roles, links, ways back, terms, and what features hold.
async fn remove(tx: &mut Tx, id: UserId, before: Timestamp) -> Result<bool, DbError> {
    let query = tx.query("DELETE FROM users WHERE id = $1 AND deleted_at <= $2").bind(id).bind(before);
    Ok(query.execute().await? > 0)
}
