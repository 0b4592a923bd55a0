//! What a session holds, and the connection behind it.

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

/// A borrowed connection or an open transaction, by driver.
pub enum Held {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTx(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTx(Transaction<'static, Postgres>),
}

/// The connection behind a session, by driver.
pub enum Connection<'s> {
    Sqlite(&'s mut SqliteConnection),
    Postgres(&'s mut PgConnection),
}

impl Held {
    pub fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(c) => Connection::Sqlite(c),
            Self::SqliteTx(tx) => Connection::Sqlite(tx),
            Self::Postgres(c) => Connection::Postgres(c),
            Self::PostgresTx(tx) => Connection::Postgres(tx),
        }
    }
}
