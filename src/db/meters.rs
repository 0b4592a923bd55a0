//! What is measured of the database: connections, waits for them, and statements.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};

/// Counts for all who hold the same pools. Without instruments, as commands run, only statements.
#[derive(Default)]
pub(super) struct Meters {
    pub statements: AtomicU64,
    pub waiting: AtomicI64,
    pub instruments: OnceLock<Instruments>,
}

pub(super) struct Instruments {
    duration: Histogram<f64>,
    wait: Histogram<f64>,
    pub timeouts: Counter<u64>,
}

pub(super) const POOL: &str = "db.client.connection.pool.name";
/// A look-up takes less than a tenth of a millisecond; nothing is waited for longer than some seconds.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Instruments {
    pub fn new(meter: &Meter) -> Self {
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
