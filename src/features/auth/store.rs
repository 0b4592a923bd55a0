//! The SQL of tokens sent by mail: single use, the newest ends the older.

use sha2::{Digest, Sha256};

use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::{DbError, Session, Tx};

/// What a mailed token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Purpose {
    VerifyEmail,
}

/// What a token says: whose it is and which address it was sent to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MailToken {
    pub user_id: UserId,
    pub email: Email,
}

/// The token itself is in the mail only. 256 random bits need no slow hash.
fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Keeps a new token; an older one of the same purpose is no longer valid.
pub async fn replace_token(
    tx: &mut Tx,
    purpose: Purpose,
    token: &str,
    to: &MailToken,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO mail_tokens (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id, purpose) DO UPDATE SET hash = $1, email = $4, expires_at = $5",
    )
    .bind(hash(token))
    .bind(to.user_id)
    .bind(purpose)
    .bind(&to.email)
    .bind(expires_at)
    .execute()
    .await
    .map(drop)
}

/// What a token says, if it is valid; it stays so.
pub async fn find_token(
    db: &mut Session,
    purpose: Purpose,
    token: &str,
    now: Timestamp,
) -> Result<Option<MailToken>, DbError> {
    db.query("SELECT user_id, email FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3")
        .bind(hash(token))
        .bind(purpose)
        .bind(now)
        .fetch_optional()
        .await
}

/// Uses a token up. One statement: of many at once exactly one gets `true`.
pub async fn use_token(tx: &mut Tx, purpose: Purpose, token: &str, now: Timestamp) -> Result<bool, DbError> {
    let used = tx
        .query("DELETE FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3")
        .bind(hash(token))
        .bind(purpose)
        .bind(now)
        .execute()
        .await?;
    Ok(used > 0)
}

/// Deletes what has expired.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM mail_tokens WHERE expires_at <= $1").bind(now).execute().await
}
