//! The rows of the keys.

use serde::Serialize;

use crate::base::clock::Timestamp;
use crate::base::keyring::KeyId;
use crate::db::{DbError, Session, Tx};

/// What a key is for; no key serves two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Purpose {
    /// Ed25519 seeds for access tokens.
    Signing,
    Refresh,
    Device,
    Cursor,
    Outbox,
    /// Tags under which rows are found without holding what they are about.
    Lookup,
}

impl Purpose {
    pub const ALL: [Self; 6] =
        [Self::Signing, Self::Refresh, Self::Device, Self::Cursor, Self::Outbox, Self::Lookup];

    pub fn name(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Refresh => "refresh",
            Self::Device => "device",
            Self::Cursor => "cursor",
            Self::Outbox => "outbox",
            Self::Lookup => "lookup",
        }
    }
}

/// A key as it is stored.
#[derive(Clone, sqlx::FromRow)]
pub struct Row {
    pub id: KeyId,
    pub purpose: Purpose,
    /// Counts the keys of the purpose.
    pub ordinal: i64,
    pub wrapped: Vec<u8>,
    pub created_at: Timestamp,
    /// From when it makes what it is for; without one, from the start.
    pub signs_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl Row {
    pub fn makes_at(&self) -> Timestamp {
        self.signs_at.unwrap_or(self.created_at)
    }
}

/// All keys that ever were, newest first.
pub async fn read(db: &mut Session) -> Result<Vec<Row>, DbError> {
    db.query(
        "SELECT id, purpose, ordinal, wrapped, created_at, signs_at, revoked_at FROM keys
         ORDER BY ordinal DESC, id",
    )
    .fetch_all()
    .await
}

/// Makes whoever changes keys wait for each other. The key for lookups stays for ever: its row stands
/// for all of them.
pub async fn lock(tx: &mut Tx) -> Result<(), DbError> {
    tx.query("UPDATE keys SET ordinal = ordinal WHERE purpose = $1")
        .bind(Purpose::Lookup)
        .execute()
        .await
        .map(drop)
}

/// Of twins that start at the same moment one makes the row, the other none.
pub async fn insert(tx: &mut Tx, row: &Row) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO keys (id, purpose, ordinal, wrapped, created_at, signs_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (purpose, ordinal) DO NOTHING",
    )
    .bind(row.id)
    .bind(row.purpose)
    .bind(row.ordinal)
    .bind(&row.wrapped)
    .bind(row.created_at)
    .bind(row.signs_at)
    .execute()
    .await
    .map(drop)
}

pub async fn revoke(tx: &mut Tx, id: KeyId, now: Timestamp) -> Result<(), DbError> {
    tx.query("UPDATE keys SET revoked_at = $2 WHERE id = $1").bind(id).bind(now).execute().await.map(drop)
}

/// Lets a key that was only published make things from `at` on.
pub async fn bring_forward(tx: &mut Tx, id: KeyId, at: Timestamp) -> Result<(), DbError> {
    tx.query("UPDATE keys SET signs_at = $2 WHERE id = $1").bind(id).bind(at).execute().await.map(drop)
}

pub async fn rewrap(tx: &mut Tx, id: KeyId, wrapped: &[u8]) -> Result<(), DbError> {
    tx.query("UPDATE keys SET wrapped = $2 WHERE id = $1").bind(id).bind(wrapped).execute().await.map(drop)
}
