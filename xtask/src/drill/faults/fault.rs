//! What PostgreSQL, or the line to it, fails with.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::drill::replicas::proxy::{Line, Proxy};
use crate::postgres::durable::Durable;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to all its processes; started again some seconds later.
    Killed,
    /// SIGSTOP to all its processes, for some seconds.
    Stopped,
    /// The line loses everything for some seconds, and for those who were connected for ever.
    Silent,
    /// The line resets all connections, and refuses others for some seconds.
    Reset,
    /// As an operator does, in order and in a hurry in turn.
    Restarted,
}

/// When the database was away.
pub struct Outage {
    pub begun: Instant,
    pub back: Instant,
}

impl Fault {
    /// Whether it lasts as long as it is told to, and not as long as PostgreSQL takes.
    pub fn lasts(self) -> bool {
        self != Self::Restarted
    }

    /// Makes it happen, and mends it.
    pub async fn happen(
        self,
        database: &Durable,
        line: &Proxy,
        lasts: Duration,
        round: u64,
    ) -> Result<Outage> {
        let begun = Instant::now();
        match self {
            Self::Killed => {
                block_in_place(|| database.kill())?;
                // To start, and to recover, takes seconds more; a lost refresh can be repeated for ten.
                sleep(Duration::from_secs(1) + lasts / 2).await;
                block_in_place(|| database.launch())?;
            }
            Self::Stopped => {
                block_in_place(|| database.freeze())?;
                sleep(lasts.saturating_sub(begun.elapsed())).await;
                block_in_place(|| database.thaw())?;
            }
            Self::Silent | Self::Reset => {
                line.set(if self == Self::Silent { Line::Silent } else { Line::Reset });
                sleep(lasts).await;
                line.set(Line::Up);
            }
            Self::Restarted => {
                let mode = if round.is_multiple_of(2) { "fast" } else { "immediate" };
                block_in_place(|| database.restart(mode))?;
            }
        }
        Ok(Outage { begun, back: Instant::now() })
    }
}
