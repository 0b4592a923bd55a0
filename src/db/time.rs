//! What time it is in the database. All replicas go by that, so it matters little how the clocks of their
//! machines are set. SQLite is on this machine, and so is its time.
//!
//! This is the one place where SQL asks for the time.

use std::time::Instant;

use sqlx::PgConnection;

use super::driver::Driver;
use super::error::DbError;
use super::session::Session;
use crate::base::clock::{Clock, Timestamp};

const TIME: &str = "SELECT clock_timestamp()";
/// What the time is to the feed: a row before all others, which costs no round trip of its own.
const ROW: &str = " UNION ALL SELECT 0, clock_timestamp(), '', NULL";
/// The number of that row.
pub(super) const N: i64 = 0;

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

/// Asks PostgreSQL for the time, and goes by it.
pub(super) async fn ask(clock: &Clock, db: &mut Session) -> Result<(), DbError> {
    let asked = Instant::now();
    let (time,) = db.query(TIME).fetch_one().await?;
    clock.follow(time, asked);
    Ok(())
}

/// As [`ask`], over a connection that is nobody else's.
pub(super) async fn ask_over(clock: &Clock, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let asked = Instant::now();
    clock.follow(sqlx::query_scalar(TIME).fetch_one(connection).await?, asked);
    Ok(())
}

/// By how many seconds the machine's clock is ahead of the database's, where that is another.
pub(super) fn machine_ahead(driver: Driver, clock: &Clock) -> Option<f64> {
    clock.machine_ahead().filter(|_| driver == Driver::Postgres)
}
