//! What the pools are asked at a scrape.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use sqlx::{Database, Pool};

use super::meters::{Instruments, POOL};
use super::pool::{Db, Pools};
use super::time::machine_ahead;

const STATE: &str = "db.client.connection.state";

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
        let pools: Vec<_> = states(&self.pools).iter().map(|pool| pool.name).collect();
        if self.meters.instruments.set(Instruments::new(meter, &pools)).is_err() {
            return;
        }
        let (driver, clock) = (self.driver(), self.clock.clone());
        meter
            .f64_observable_gauge("clock.offset")
            .with_unit("s")
            .with_description("By how much the machine's clock is ahead of PostgreSQL's, which counts")
            .with_callback(move |to| {
                machine_ahead(driver, &clock).into_iter().for_each(|ahead| to.observe(ahead, &[]));
            })
            .build();
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
            vec![PoolState::of("main", &pool.current()), PoolState::of("follower", &follower.current())]
        }
    }
}
