//! What a session holds, and the connection behind it.

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Database, PgConnection, Pool, Postgres, Sqlite, SqliteConnection, Transaction};

use super::silence::Silence;

/// A borrowed connection or an open transaction, by driver.
pub enum Held {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTx(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>, Silence),
    PostgresTx(Transaction<'static, Postgres>, Silence),
    /// Behind a pooler, to read or to write.
    Pooled(Transaction<'static, Postgres>, Silence),
}

/// The connection behind a session, by driver.
pub enum Connection<'s> {
    Sqlite(&'s mut SqliteConnection),
    Postgres(&'s mut PgConnection, &'s Silence),
    /// The next transaction has another one: no statement is prepared for later.
    Pooled(&'s mut PgConnection, &'s Silence),
}

/// A connection of a pool, when there is one. Each layer around a future holds it once more, and this one is
/// large.
pub fn acquire<D: Database>(pool: &Pool<D>) -> BoxFuture<'static, Result<PoolConnection<D>, sqlx::Error>> {
    Box::pin(pool.acquire())
}

impl Held {
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(c) => Connection::Sqlite(c),
            Self::SqliteTx(tx) => Connection::Sqlite(tx),
            Self::Postgres(c, silence) => Connection::Postgres(c, silence),
            Self::PostgresTx(tx, silence) => Connection::Postgres(tx, silence),
            Self::Pooled(tx, silence) => Connection::Pooled(tx, silence),
        }
    }
}
