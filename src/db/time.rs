//! What time it is in the database. All replicas go by that, so it matters little how the clocks of their
//! machines are set. SQLite is on this machine, and so is its time.
//!
//! This is the one place where SQL asks for the time.

use std::time::{Duration, Instant};

use super::driver::Driver;
use super::error::DbError;
use super::pool::Db;
use crate::base::clock::{Clock, Timestamp};
use crate::base::seldom::Seldom;

/// What the time is to the feed: a row before all others, which costs no round trip of its own.
const ROW: &str = " UNION ALL SELECT 0, clock_timestamp(), '', NULL";
/// The number of that row.
pub(super) const N: i64 = 0;

/// A machine that is off by more, in seconds, is worth a warning.
const OFF: f64 = 1.0;

static WARNED: Seldom = Seldom::every(Duration::from_secs(3600));

impl Driver {
    /// What a statement that reads the feed is to say, to be told the time as well.
    pub(super) fn and_the_time(self) -> &'static str {
        if self == Self::Postgres { ROW } else { "" }
    }
}

/// Goes by the time that came with the feed, asked for at `asked`; where none came, by the machine's.
pub(super) fn follow(clock: &Clock, told: Option<Timestamp>, asked: Instant) {
    match told {
        Some(time) => clock.follow(time, asked),
        None => clock.follow_machine(),
    }
}

impl Db {
    /// Goes by the database's time from now on. Each look at the feed corrects it.
    pub async fn follow_time(&self) -> Result<(), DbError> {
        if self.driver() == Driver::Sqlite {
            self.clock.follow_machine();
            return Ok(());
        }
        let mut db = self.follow().await?;
        let asked = Instant::now();
        let (time,) = db.query("SELECT clock_timestamp()").fetch_one().await?;
        self.clock.follow(time, asked);
        Ok(())
    }

    /// By how many seconds the machine's clock is ahead of the database's, where that is another.
    pub fn machine_ahead(&self) -> Option<f64> {
        machine_ahead(self.driver(), &self.clock)
    }

    /// Says so, now and then, if the machine's clock is wrong.
    pub fn warn_of_clock(&self) {
        let Some(ahead) = self.machine_ahead().filter(|ahead| ahead.abs() > OFF) else { return };
        if WARNED.counting(1).is_some() {
            let ahead = (ahead * 1e3).round() / 1e3;
            tracing::warn!(
                ahead_s = ahead,
                "the machine's clock is not the database's, which counts; the times of this log are the machine's"
            );
        }
    }
}

pub(super) fn machine_ahead(driver: Driver, clock: &Clock) -> Option<f64> {
    clock.machine_ahead().filter(|_| driver == Driver::Postgres)
}
