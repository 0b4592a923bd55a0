//! Sessions: one row for each sign-in, however often it is refreshed.

use crate::base::clock::Timestamp;
use crate::base::id::{SessionId, UserId};
use crate::base::keyring::KeyId;
use crate::db::{Change, DbError, Session, Tx};

/// A sign-in on one device.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SessionRow {
    pub id: SessionId,
    pub user_id: UserId,
    pub generation: i64,
    pub key_id: KeyId,
    pub created_at: Timestamp,
    pub refreshed_at: Timestamp,
    pub last_used_at: Timestamp,
    pub idle_expires_at: Timestamp,
    pub expires_at: Timestamp,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// How many sessions an account may have at a time, so that neither its rows nor its list grow for ever.
pub const MOST: i64 = 100;

const COLUMNS: &str = "SELECT id, user_id, generation, key_id, created_at, refreshed_at, last_used_at, \
                       idle_expires_at, expires_at, ip, user_agent FROM sessions";

pub async fn insert(tx: &mut Tx, row: &SessionRow) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO sessions (id, user_id, generation, key_id, created_at, refreshed_at, last_used_at,
            idle_expires_at, expires_at, ip, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(row.id)
    .bind(row.user_id)
    .bind(row.generation)
    .bind(row.key_id)
    .bind(row.created_at)
    .bind(row.refreshed_at)
    .bind(row.last_used_at)
    .bind(row.idle_expires_at)
    .bind(row.expires_at)
    .bind(&row.ip)
    .bind(&row.user_agent)
    .execute()
    .await
    .map(drop)
}

pub async fn find(db: &mut Session, id: SessionId) -> Result<Option<SessionRow>, DbError> {
    db.query(COLUMNS).push(" WHERE id = $?").bind(id).fetch_optional().await
}

/// A user's sessions that have not expired, newest first.
pub async fn of_user(db: &mut Session, user: UserId, now: Timestamp) -> Result<Vec<SessionRow>, DbError> {
    db.query(COLUMNS)
        .push(" WHERE user_id = $?")
        .bind(user)
        .push(" AND expires_at > $?")
        .bind(now)
        .push(" AND idle_expires_at > $? ORDER BY created_at DESC, id DESC")
        .bind(now)
        .fetch_all()
        .await
}

/// Moves a session from `generation` to the next, if that is still the newest and it has not
/// expired. One statement, so of many at once exactly one succeeds.
pub async fn advance(
    tx: &mut Tx,
    id: SessionId,
    generation: i64,
    key: KeyId,
    now: Timestamp,
    idle_expires_at: Timestamp,
) -> Result<bool, DbError> {
    let moved = tx
        .query(
            "UPDATE sessions SET generation = generation + 1, key_id = $3, refreshed_at = $4, last_used_at = $4,
                idle_expires_at = $5
             WHERE id = $1 AND generation = $2 AND expires_at > $4 AND idle_expires_at > $4",
        )
        .bind(id)
        .bind(generation)
        .bind(key)
        .bind(now)
        .bind(idle_expires_at)
        .execute()
        .await?;
    Ok(moved > 0)
}

/// Ends one session; says whether there was one.
pub async fn end(tx: &mut Tx, id: SessionId) -> Result<bool, DbError> {
    tx.announce(Change::Session(id));
    Ok(tx.query("DELETE FROM sessions WHERE id = $1").bind(id).execute().await? > 0)
}

/// Ends one session of `user`; says whether they had it.
pub async fn end_own(tx: &mut Tx, user: UserId, id: SessionId) -> Result<bool, DbError> {
    let ended = tx.query("DELETE FROM sessions WHERE id = $1 AND user_id = $2").bind(id).bind(user);
    let ended = ended.execute().await? > 0;
    if ended {
        tx.announce(Change::Session(id));
    }
    Ok(ended)
}

/// Ends all sessions of `user` but `keep`; says how many.
pub async fn end_others(tx: &mut Tx, user: UserId, keep: SessionId) -> Result<u64, DbError> {
    tx.announce(Change::User(user));
    tx.query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2").bind(user).bind(keep).execute().await
}

/// Ends all sessions of `user`; says how many.
pub async fn end_all(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    tx.announce(Change::User(user));
    tx.query("DELETE FROM sessions WHERE user_id = $1").bind(user).execute().await
}

/// Ends all sessions whose refresh tokens were made with a key, whoever has them.
pub async fn end_of_key(tx: &mut Tx, key: KeyId) -> Result<u64, DbError> {
    tx.announce(Change::Everything);
    tx.query("DELETE FROM sessions WHERE key_id = $1").bind(key).execute().await
}

/// Ends all sessions of everybody; says how many.
pub async fn end_everyones(tx: &mut Tx) -> Result<u64, DbError> {
    tx.announce(Change::Everything);
    tx.query("DELETE FROM sessions").execute().await
}

/// Ends the sessions of `user` that were used least lately, until [`MOST`] are left.
pub async fn end_surplus(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    let ended: Vec<(SessionId,)> = tx
        .query(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE user_id = $1
                ORDER BY last_used_at DESC, id DESC LIMIT 1000 OFFSET $2) RETURNING id",
        )
        .bind(user)
        .bind(MOST)
        .fetch_all()
        .await?;
    ended.into_iter().for_each(|(id,)| tx.announce(Change::Session(id)));
    Ok(())
}

/// Deletes what has expired.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM sessions WHERE idle_expires_at <= $1 OR expires_at <= $1").bind(now).execute().await
}
