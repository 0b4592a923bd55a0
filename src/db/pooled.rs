//! Behind a pooler in transaction mode: a connection is ours for as long as a transaction lasts, so whoever
//! gets one, to read as well, gets a transaction.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use tokio::time::timeout;

use super::options::Options;

/// How transactions begin there.
#[derive(Clone)]
pub(super) struct Pooled {
    reading: Arc<str>,
    writing: Arc<str>,
    patience: Duration,
}

impl Pooled {
    /// What is set for a whole connection would stay behind for strangers, so it is set for each
    /// transaction: in the same message that begins it, which costs no round trip.
    pub fn new(options: &Options) -> Self {
        let limits = options.limits().map(|(name, millis)| format!("; SET LOCAL {name} = {millis}")).concat();
        Self {
            reading: format!("BEGIN READ ONLY{limits}").into(),
            writing: format!("BEGIN{limits}").into(),
            patience: options.acquire_timeout,
        }
    }

    /// Without the parameters that poolers refuse.
    pub fn connect_options(connect: PgConnectOptions) -> PgConnectOptions {
        connect.extra_float_digits(None)
    }

    /// Rolled back when it is dropped.
    pub async fn read(&self, pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.begin(pool, &self.reading).await
    }

    pub async fn write(&self, pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.begin(pool, &self.writing).await
    }

    /// To wait in the pooler's queue is to wait for a connection.
    async fn begin(
        &self,
        pool: &PgPool,
        words: &Arc<str>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let (pool, words) = (pool.clone(), words.clone());
        // Safe: put together from words of ours and numbers.
        let act = async move { pool.begin_with(AssertSqlSafe(words)).await };
        // Given up in the middle, it would leave a transaction open that sqlx does not know of, on a connection
        // that is used again. So it goes on, and what nobody waits for any more is rolled back.
        let begun = tokio::spawn(timeout(self.patience * 4, act));
        let begun = timeout(self.patience, begun).await.ok().and_then(Result::ok).and_then(Result::ok);
        begun.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}
