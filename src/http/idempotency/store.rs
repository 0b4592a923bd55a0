//! The SQL of requests that are carried out once.

use std::time::Duration;

use super::answer::Answer;
use super::once::Keyed;
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::base::keyring::Tag;
use crate::db::{DbError, Tx};

/// For how long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What is kept under a key.
#[derive(sqlx::FromRow)]
pub struct Kept {
    pub body_tag: Vec<u8>,
    #[sqlx(flatten)]
    pub answer: Answer,
}

/// Takes the key for this transaction if it is free; says whether. Whoever wants it at the same moment
/// waits until this transaction is over.
pub async fn claim(
    tx: &mut Tx,
    user: UserId,
    keyed: &Keyed,
    body_tag: &Tag,
    now: Timestamp,
) -> Result<bool, DbError> {
    let claimed = tx
        .query(
            "INSERT INTO idempotency_keys (user_id, method, route, key, body_tag, location, etag, body, expires_at)
             VALUES ($1, $2, $3, $4, $5, '', '', '', $6)
             ON CONFLICT (user_id, method, route, key) DO UPDATE SET
                body_tag = $5, location = '', etag = '', body = '', expires_at = $6
             WHERE idempotency_keys.expires_at <= $7",
        )
        .bind(user)
        .bind(&keyed.method)
        .bind(&keyed.route)
        .bind(&keyed.key)
        .bind(body_tag.as_slice())
        .bind(now.plus(KEPT))
        .bind(now)
        .execute()
        .await?;
    Ok(claimed > 0)
}

/// What is kept under a key that is taken.
pub async fn kept(tx: &mut Tx, user: UserId, keyed: &Keyed) -> Result<Kept, DbError> {
    tx.query(
        "SELECT body_tag, location, etag, body FROM idempotency_keys
         WHERE user_id = $1 AND method = $2 AND route = $3 AND key = $4",
    )
    .bind(user)
    .bind(&keyed.method)
    .bind(&keyed.route)
    .bind(&keyed.key)
    .fetch_one()
    .await
}

/// Keeps the answer under the key that this transaction has claimed.
pub async fn keep(tx: &mut Tx, user: UserId, keyed: &Keyed, answer: &Answer) -> Result<(), DbError> {
    tx.query(
        "UPDATE idempotency_keys SET location = $1, etag = $2, body = $3
         WHERE user_id = $4 AND method = $5 AND route = $6 AND key = $7",
    )
    .bind(&answer.location)
    .bind(&answer.etag)
    .bind(&answer.body)
    .bind(user)
    .bind(&keyed.method)
    .bind(&keyed.route)
    .bind(&keyed.key)
    .execute()
    .await
    .map(drop)
}

/// Deletes what is kept no longer.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM idempotency_keys WHERE expires_at <= $1").bind(now).execute().await
}
