//! Why PostgreSQL does not answer. While connections are refused, a pool tries again without a word, and then
//! says that it timed out; an attempt of our own says why.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use super::error::DbError;
use super::pool::{Db, Pools};
use super::reach::{Unreachable, said};

/// How long an attempt at the start may take: whoever starts a server reads what it says.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take where others wait for what it says.
const HASTE: Duration = Duration::from_millis(200);

/// Tries to connect, once; gives the reason if that fails.
async fn attempt(options: &PgConnectOptions, patience: Duration) -> Result<(), sqlx::Error> {
    let silent = || io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
    let connection = timeout(patience, options.connect()).await.map_err(|_| silent())??;
    // What became of it then is no reason.
    _ = timeout(HASTE, connection.close()).await;
    Ok(())
}

impl Db {
    /// Why the first words with the database failed; the error itself, where it can be reached.
    pub(super) async fn explained(&self, error: DbError) -> DbError {
        let Pools::Postgres { pool, .. } = &self.pools else { return error };
        let options = pool.current().connect_options();
        match attempt(&options, PATIENCE).await {
            Ok(()) => error,
            Err(source) => DbError::Unreachable(Unreachable::new(&options, source)),
        }
    }

    /// Why nobody has answered, in a moment in which somebody else waits for it.
    pub async fn why_silent(&self) -> String {
        let silent = || "it does not answer".to_owned();
        let Pools::Postgres { pool, .. } = &self.pools else { return silent() };
        let attempt = attempt(&pool.current().connect_options(), HASTE).await;
        attempt.map_or_else(|error| said(&error), |()| silent())
    }
}
