//! What is measured of the database: connections, waits for them, and statements.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use sqlx::{Database, Pool};

use super::pool::{Db, Pools};

/// Counts for all who hold the same pools. Without instruments, as commands run, only statements.
#[derive(Default)]
pub(super) struct Meters {
    pub statements: AtomicU64,
    waiting: AtomicI64,
    instruments: OnceLock<Instruments>,
}

struct Instruments {
    duration: Histogram<f64>,
    wait: Histogram<f64>,
    timeouts: Counter<u64>,
}

const POOL: &str = "db.client.connection.pool.name";
const STATE: &str = "db.client.connection.state";
/// A look-up takes less than a tenth of a millisecond; nothing is waited for longer than some seconds.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let seconds = |name, about| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(about)
                .with_boundaries(SECONDS.to_vec())
                .build()
        };
        Self {
            duration: seconds("db.client.operation.duration", "Time that statements take"),
            wait: seconds(
                "db.client.connection.wait_time",
                "Time until there is a connection, or the turn to write",
            ),
            timeouts: meter
                .u64_counter("db.client.connection.timeouts")
                .with_unit("{timeout}")
                .with_description("Waits for a connection that ended without one")
                .build(),
        }
    }
}

impl Meters {
    pub fn statement(&self, sql: &str, took: Duration, is_failed: bool) {
        let Some(instruments) = self.instruments.get() else { return };
        let outcome = if is_failed { "failed" } else { "done" };
        instruments.duration.record(
            took.as_secs_f64(),
            &[KeyValue::new("db.operation.name", verb(sql)), KeyValue::new("outcome", outcome)],
        );
    }

    pub fn connection(&self, pool: &'static str, took: Duration, is_failed: bool) {
        let Some(instruments) = self.instruments.get() else { return };
        let pool = [KeyValue::new(POOL, pool)];
        instruments.wait.record(took.as_secs_f64(), &pool);
        if is_failed {
            instruments.timeouts.add(1, &pool);
        }
    }

    /// Somebody waits for as long as this is held.
    pub fn waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }
}

pub(super) struct Waiting<'m>(&'m Meters);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A word of ours, whatever a statement begins with.
fn verb(sql: &str) -> &'static str {
    let word = sql.split_whitespace().next().unwrap_or_default();
    let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    verbs.into_iter().find(|verb| verb.eq_ignore_ascii_case(word)).unwrap_or("OTHER")
}

/// How many connections a pool has, and how many it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    pub name: &'static str,
    pub idle: u32,
    pub used: u32,
    pub max: u32,
}

impl PoolState {
    fn of<D: Database>(name: &'static str, pool: &Pool<D>) -> Self {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        let max = pool.options().get_max_connections();
        Self { name, idle, used: pool.size().saturating_sub(idle), max }
    }
}

impl Db {
    /// The pools: of SQLite one for readers, one for the writer, of PostgreSQL one for both; and that of whoever follows the feed.
    pub fn pools(&self) -> Vec<PoolState> {
        states(&self.pools)
    }

    /// The file of a SQLite database.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => Some(writer.connect_options().get_filename().to_path_buf()),
            Pools::Postgres { .. } => None,
        }
    }

    /// How many wait for a connection.
    pub fn waiting(&self) -> i64 {
        self.meters.waiting.load(Ordering::Relaxed)
    }

    /// Measures from now on; the first to say so decides.
    pub fn measure(&self, meter: &Meter) {
        if self.meters.instruments.set(Instruments::new(meter)).is_err() {
            return;
        }
        if let Some(instruments) = self.meters.instruments.get() {
            states(&self.pools)
                .iter()
                .for_each(|pool| instruments.timeouts.add(0, &[KeyValue::new(POOL, pool.name)]));
        }
        let pools = self.pools.clone();
        meter
            .i64_observable_up_down_counter("db.client.connection.open")
            .with_unit("{connection}")
            .with_description("Open connections, in use or idle")
            .with_callback(move |to| {
                for pool in states(&pools) {
                    for (state, count) in [("used", pool.used), ("idle", pool.idle)] {
                        to.observe(
                            count.into(),
                            &[KeyValue::new(POOL, pool.name), KeyValue::new(STATE, state)],
                        );
                    }
                }
            })
            .build();
        let pools = self.pools.clone();
        meter
            .i64_observable_up_down_counter("db.client.connection.max")
            .with_unit("{connection}")
            .with_description("Connections that there may be")
            .with_callback(move |to| {
                states(&pools)
                    .iter()
                    .for_each(|pool| to.observe(pool.max.into(), &[KeyValue::new(POOL, pool.name)]));
            })
            .build();
        let meters = self.meters.clone();
        meter
            .i64_observable_up_down_counter("db.client.connection.pending_requests")
            .with_unit("{request}")
            .with_description("Those who wait for a connection, or for the turn to write")
            .with_callback(move |to| to.observe(meters.waiting.load(Ordering::Relaxed), &[]))
            .build();
    }
}

fn states(pools: &Pools) -> Vec<PoolState> {
    match pools {
        Pools::Sqlite { readers, writer, follower } => vec![
            PoolState::of("readers", readers),
            PoolState::of("writer", writer),
            PoolState::of("follower", follower),
        ],
        Pools::Postgres { pool, follower, .. } => {
            vec![PoolState::of("main", pool), PoolState::of("follower", follower)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::verb;

    #[test]
    fn statements_are_told_apart_by_words_of_ours_alone() {
        for (sql, word) in [
            ("SELECT 1", "SELECT"),
            ("\n  insert INTO t", "INSERT"),
            ("EXPLAIN SELECT 1", "OTHER"),
            ("", "OTHER"),
            ("WITH a AS (SELECT 1)", "WITH"),
        ] {
            assert_eq!(verb(sql), word, "{sql}");
        }
    }
}
