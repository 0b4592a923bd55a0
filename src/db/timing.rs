//! Handles go by the database's time, and say how far the machine's is off.

use std::time::Duration;

use super::driver::Driver;
use super::error::DbError;
use super::pool::Db;
use super::time;
use crate::base::seldom::Seldom;

/// A machine that is off by more, in seconds, is worth a warning.
const OFF: f64 = 1.0;

static WARNED: Seldom = Seldom::every(Duration::from_secs(3600));

impl Db {
    /// Goes by the database's time from now on. Each look at the feed corrects it.
    pub async fn follow_time(&self) -> Result<(), DbError> {
        match self.driver() {
            Driver::Sqlite => self.clock.follow_machine(),
            Driver::Postgres => {
                let asked = async { time::ask(&self.clock, &mut self.follow().await?).await };
                if let Err(error) = asked.await {
                    return Err(self.explained(error).await);
                }
            }
        }
        Ok(())
    }

    /// By how many seconds the machine's clock is ahead of the database's, where that is another.
    pub fn machine_ahead(&self) -> Option<f64> {
        time::machine_ahead(self.driver(), &self.clock)
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
