//! Watches what is asked of the database: a span for each statement and each wait for a connection, and a
//! warning where one was slow, without the values.

use std::time::{Duration, Instant};

use log::LevelFilter;
use sqlx::pool::PoolOptions;
use sqlx::{ConnectOptions, Database};
use tracing::Instrument;
use tracing::field::Empty;

use super::driver::Driver;
use super::meters::Meters;
use crate::base::clock::millis;
use crate::base::seldom::Seldom;

/// What takes longer is worth a warning.
const SLOW: Duration = Duration::from_millis(500);

/// Waits for connections come in crowds: one warning a second tells of all of them.
static CROWD: Seldom = Seldom::every(Duration::from_secs(1));

/// Silences the warnings of slow statements that are sqlx's own: here they are apart from the wait for a
/// connection, and without the values.
pub(super) fn instead_of_sqlx<O: ConnectOptions>(options: O) -> O {
    options.log_slow_statements(LevelFilter::Off, Duration::MAX)
}

/// Nor does sqlx warn of each wait for a connection: [`connection`] does so for all of them. `sqlx=debug` has
/// its own lines.
pub(super) fn told_at_once<D: Database>(pool: PoolOptions<D>) -> PoolOptions<D> {
    pool.acquire_slow_level(LevelFilter::Debug)
}

/// What is known of a statement before it runs.
#[derive(Clone, Copy)]
pub(super) struct Watch<'m> {
    /// How long there was no connection for it.
    pub waited: Duration,
    pub meters: &'m Meters,
}

impl Watch<'_> {
    /// Runs the statement.
    pub async fn statement<T>(
        self,
        driver: Driver,
        sql: &str,
        act: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let span = tracing::trace_span!(
            "sql",
            otel.name = sql.split_whitespace().next().unwrap_or_default(),
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = driver.system(),
            db.query.text = sql,
        );
        let begun = Instant::now();
        let done = act.instrument(span.clone()).await;
        if done.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        let took = begun.elapsed();
        self.meters.statement(sql, took, done.is_err());
        warn_if_slow(SLOW, sql, took, self.waited);
        done
    }
}

/// Waits for a connection, or for a transaction to begin; says how long it took.
pub(super) async fn connection<T>(
    driver: Driver,
    meters: &Meters,
    pool: &'static str,
    act: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<(T, Duration), sqlx::Error> {
    let span = tracing::trace_span!("connection", db.system.name = driver.system());
    let begun = Instant::now();
    let done = {
        let _waiting = meters.waiting();
        act.instrument(span).await
    };
    let waited = begun.elapsed();
    meters.connection(pool, waited, done.is_err());
    if waited >= SLOW {
        warn_of_crowd(waited);
    }
    Ok((done?, waited))
}

fn warn_if_slow(limit: Duration, sql: &str, took: Duration, waited: Duration) {
    if took >= limit {
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        tracing::warn!(sql, duration_ms = millis(took), waited_ms = millis(waited), "a slow statement");
    }
}

fn warn_of_crowd(waited: Duration) {
    if let Some(times) = CROWD.counting(1) {
        tracing::warn!(waited_ms = millis(waited), times, "a long wait for a connection");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use sqlx::sqlite::SqlitePoolOptions;
    use tracing::Level;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What sqlx says at this level of a wait that it takes for a long one.
    async fn said_of_a_wait(level: Level) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(move || writer.clone());
        let _guard = tracing::subscriber::set_default(log.finish());
        let pool = told_at_once(SqlitePoolOptions::new()).max_connections(1);
        let pool = pool.acquire_slow_threshold(Duration::ZERO).connect_lazy("sqlite::memory:").unwrap();
        pool.acquire().await.unwrap();
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[tokio::test]
    async fn sqlx_itself_tells_of_long_waits_only_where_somebody_asks_for_it() {
        assert_eq!(said_of_a_wait(Level::INFO).await, "");
        assert!(said_of_a_wait(Level::DEBUG).await.contains("sqlx::pool::acquire"));
    }
}
