//! A transaction of PostgreSQL begins, whether or not somebody still waits for it by then.

use sqlx::pool::PoolConnection;
use sqlx::{Postgres, SqlStr, Transaction};

use super::silence::Silence;

/// Given up in the middle, `BEGIN` would leave a transaction open that sqlx does not know of, on a connection that
/// is used again. So it goes on by itself, and what nobody waits for any more is rolled back.
pub(super) async fn begin(
    connection: PoolConnection<Postgres>,
    words: Option<SqlStr>,
    silence: Silence,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let act = async move { silence.end(Transaction::begin(connection, words)).await };
    // It fails only where the process ends.
    tokio::spawn(act).await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}
