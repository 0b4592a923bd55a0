//! Tokens sent by mail: 256 random bits, stored as a hash, single use, the newest ends the older.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::outbox::Outbox;
use super::purpose::Purpose;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::{DbError, Session, Tx};

/// What a token says: whose it is and which address it speaks for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MailToken {
    pub purpose: Purpose,
    pub user_id: UserId,
    pub email: Email,
}

/// The token itself is in the mail only. 256 random bits need no slow hash.
pub(super) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

impl Outbox {
    pub(super) fn fresh_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.random.bytes::<32>())
    }

    /// A new token that speaks for `email`; an older one of the same purpose is no longer valid.
    pub async fn issue_token(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        user: UserId,
        email: &Email,
    ) -> Result<String, DbError> {
        let token = self.fresh_token();
        tx.query(
            "INSERT INTO mail_tokens (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (user_id, purpose) DO UPDATE SET hash = $1, email = $4, expires_at = $5",
        )
        .bind(hash(&token))
        .bind(user)
        .bind(purpose)
        .bind(email)
        .bind(self.clock.now().plus(purpose.life()))
        .execute()
        .await?;
        Ok(token)
    }
}

/// What a token says, if it is valid for one of `purposes`; it stays so.
pub async fn find(
    db: &mut Session,
    purposes: &[Purpose],
    token: &str,
    now: Timestamp,
) -> Result<Option<MailToken>, DbError> {
    let query = db
        .query("SELECT purpose, user_id, email FROM mail_tokens WHERE hash = $1 AND expires_at > $2")
        .bind(hash(token))
        .bind(now)
        .push(" AND purpose IN (NULL");
    let query = purposes.iter().fold(query, |query, purpose| query.push(", $?").bind(*purpose));
    query.push(")").fetch_optional().await
}

/// Uses a token up. One statement: of many at once exactly one gets `true`.
pub async fn use_up(tx: &mut Tx, purpose: Purpose, token: &str, now: Timestamp) -> Result<bool, DbError> {
    let used = tx
        .query("DELETE FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3")
        .bind(hash(token))
        .bind(purpose)
        .bind(now)
        .execute()
        .await?;
    Ok(used > 0)
}

/// Makes the token of `purpose` void, if there is one.
pub async fn void(tx: &mut Tx, user: UserId, purpose: Purpose) -> Result<(), DbError> {
    tx.query("DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2")
        .bind(user)
        .bind(purpose)
        .execute()
        .await
        .map(drop)
}

/// Makes the token of `purpose` void, unless it speaks for `email`.
pub async fn void_unless_for(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    email: &Email,
) -> Result<(), DbError> {
    tx.query("DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND email <> $3")
        .bind(user)
        .bind(purpose)
        .bind(email)
        .execute()
        .await
        .map(drop)
}

/// Makes all tokens of `user` void: what they were sent for is settled.
pub async fn void_all(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.query("DELETE FROM mail_tokens WHERE user_id = $1").bind(user).execute().await.map(drop)
}

/// Deletes what has expired.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM mail_tokens WHERE expires_at <= $1").bind(now).execute().await
}
