//! Ways back: the tokens that undo a change of address. Each speaks for the address that an account had,
//! and there is one for each address: moving an account on does not end the way back of its owner.

use super::outbox::Outbox;
use super::purpose::WAY_BACK;
use super::token::hash;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::{DbError, Session, Tx};

/// What a token says: whose account it is, and the address that it had.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct WayBack {
    pub user_id: UserId,
    pub email: Email,
    /// Since when there is a way back to this address: who had the account first goes before.
    opened_at: Timestamp,
}

impl Outbox {
    /// A new way back to `email`; an older token for the same address is no longer valid.
    pub async fn open_way_back(&self, tx: &mut Tx, user: UserId, email: &Email) -> Result<String, DbError> {
        let (token, now) = (self.fresh_token(), self.clock.now());
        tx.query(
            "INSERT INTO ways_back (hash, user_id, email, opened_at, expires_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_id, email) DO UPDATE SET hash = $1, expires_at = $5,
                opened_at = CASE WHEN ways_back.expires_at <= $4 THEN $4 ELSE ways_back.opened_at END",
        )
        .bind(hash(&token))
        .bind(user)
        .bind(email)
        .bind(now)
        .bind(now.plus(WAY_BACK))
        .execute()
        .await?;
        Ok(token)
    }
}

/// What a token says, if it is valid; it stays so.
pub async fn find(db: &mut Session, token: &str, now: Timestamp) -> Result<Option<WayBack>, DbError> {
    db.query("SELECT user_id, email, opened_at FROM ways_back WHERE hash = $1 AND expires_at > $2")
        .bind(hash(token))
        .bind(now)
        .fetch_optional()
        .await
}

/// Whether there is a way back to `email`.
pub async fn is_open(db: &mut Session, user: UserId, email: &Email, now: Timestamp) -> Result<bool, DbError> {
    let (count,): (i64,) = db
        .query("SELECT count(*) FROM ways_back WHERE user_id = $1 AND email = $2 AND expires_at > $3")
        .bind(user)
        .bind(email)
        .bind(now)
        .fetch_one()
        .await?;
    Ok(count > 0)
}

/// Uses a token up, and ends the ways back that were opened after it: they lead to whoever had the account
/// since. Of many at once exactly one gets `true`.
pub async fn use_up(tx: &mut Tx, way: &WayBack, token: &str, now: Timestamp) -> Result<bool, DbError> {
    let used = tx
        .query("DELETE FROM ways_back WHERE hash = $1 AND expires_at > $2")
        .bind(hash(token))
        .bind(now)
        .execute()
        .await?;
    tx.query("DELETE FROM ways_back WHERE user_id = $1 AND opened_at >= $2")
        .bind(way.user_id)
        .bind(way.opened_at)
        .execute()
        .await?;
    Ok(used > 0)
}

/// Ends all ways back of an account.
pub async fn void_all(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.query("DELETE FROM ways_back WHERE user_id = $1").bind(user).execute().await.map(drop)
}

/// Deletes what has expired.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM ways_back WHERE expires_at <= $1").bind(now).execute().await
}
