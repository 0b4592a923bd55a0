//! Behind a pooler in transaction mode: a connection is ours for as long as a transaction lasts, so whoever
//! gets one, to read as well, gets a transaction.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr, Transaction};
use tokio::time::timeout;

use super::begin::begin;
use super::connection::acquire;
use super::options::Options;
use super::silence::Silence;

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
    pub async fn read(
        &self,
        pool: &PgPool,
        silence: &Silence,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.begin(pool, silence, &self.reading).await
    }

    pub async fn write(
        &self,
        pool: &PgPool,
        silence: &Silence,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.begin(pool, silence, &self.writing).await
    }

    /// To wait in the pooler's queue is to wait for a connection.
    async fn begin(
        &self,
        pool: &PgPool,
        silence: &Silence,
        words: &Arc<str>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let begun = async {
            let connection = acquire(pool).await?;
            // Safe: put together from words of ours and numbers.
            begin(connection, Some(AssertSqlSafe(words.clone()).into_sql_str()), silence.clone()).await
        };
        let in_time = async { timeout(self.patience, begun).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)) };
        silence.unless_lost(in_time).await
    }
}
