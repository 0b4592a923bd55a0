//! What is measured of the database: connections, waits for them, and statements.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, Counter, Histogram, Meter};

/// Counts for all who hold the same pools. Without instruments, as commands run, only statements.
#[derive(Default)]
pub(super) struct Meters {
    pub statements: AtomicU64,
    pub waiting: AtomicI64,
    pub instruments: OnceLock<Instruments>,
}

/// Their series are bound: to look one up by its attributes for each statement costs more than to add to it.
pub(super) struct Instruments {
    duration: Histogram<f64>,
    statements: Vec<Statements>,
    waits: Vec<(&'static str, BoundHistogram<f64>)>,
    timeouts: Counter<u64>,
}

/// The series of a verb, from the first of its statements on.
struct Statements {
    verb: &'static str,
    done: OnceLock<BoundHistogram<f64>>,
    failed: OnceLock<BoundHistogram<f64>>,
}

pub(super) const POOL: &str = "db.client.connection.pool.name";
/// A look-up takes less than a tenth of a millisecond; nothing is waited for longer than some seconds.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Instruments {
    pub fn new(meter: &Meter, pools: &[&'static str]) -> Self {
        let seconds = |name, about| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(about)
                .with_boundaries(SECONDS.to_vec())
                .build()
        };
        let about = "Time until there is a connection, or the turn to write";
        let wait = seconds("db.client.connection.wait_time", about);
        let timeouts = meter.u64_counter("db.client.connection.timeouts").with_unit("{timeout}");
        let timeouts = timeouts.with_description("Waits for a connection that ended without one").build();
        // Whoever watches an increase must not miss the first.
        pools.iter().for_each(|pool| timeouts.add(0, &[KeyValue::new(POOL, *pool)]));
        let statements = VERBS.into_iter().chain([OTHER]);
        Self {
            duration: seconds("db.client.operation.duration", "Time that statements take"),
            statements: statements.map(Statements::of).collect(),
            waits: pools.iter().map(|pool| (*pool, wait.bind(&[KeyValue::new(POOL, *pool)]))).collect(),
            timeouts,
        }
    }
}

impl Statements {
    fn of(verb: &'static str) -> Self {
        Self { verb, done: OnceLock::new(), failed: OnceLock::new() }
    }
}

impl Meters {
    pub fn statement(&self, sql: &str, took: Duration, is_failed: bool) {
        let Some(instruments) = self.instruments.get() else { return };
        let verb = verb(sql);
        let Some(series) = instruments.statements.iter().find(|series| series.verb == verb) else { return };
        let (series, outcome) = if is_failed { (&series.failed, "failed") } else { (&series.done, "done") };
        let named = || [KeyValue::new("db.operation.name", verb), KeyValue::new("outcome", outcome)];
        series.get_or_init(|| instruments.duration.bind(&named())).record(took.as_secs_f64());
    }

    pub fn connection(&self, pool: &'static str, took: Duration, is_failed: bool) {
        let Some(instruments) = self.instruments.get() else { return };
        if let Some((_, wait)) = instruments.waits.iter().find(|(name, _)| *name == pool) {
            wait.record(took.as_secs_f64());
        }
        if is_failed {
            instruments.timeouts.add(1, &[KeyValue::new(POOL, pool)]);
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

const VERBS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
const OTHER: &str = "OTHER";

/// A word of ours, whatever a statement begins with.
fn verb(sql: &str) -> &'static str {
    let word = sql.split_whitespace().next().unwrap_or_default();
    VERBS.into_iter().find(|verb| verb.eq_ignore_ascii_case(word)).unwrap_or(OTHER)
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
