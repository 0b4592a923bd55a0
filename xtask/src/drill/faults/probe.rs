//! Whoever looks fifty times a second whether a server lives and is ready.

use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::drill::client::{Call, Client};

const PERIOD: Duration = Duration::from_millis(20);
/// An answer that has not come by then is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// One look.
pub struct Look {
    pub begun: Instant,
    pub took: Duration,
    /// None where there was no answer.
    pub status: Option<u16>,
}

/// What was seen of one path.
pub struct Probe(JoinHandle<()>, tokio::sync::mpsc::UnboundedReceiver<Look>);

impl Probe {
    pub fn of(client: Client, path: &'static str) -> Self {
        let (sender, seen) = tokio::sync::mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let (mut pace, mut looks) = (interval(PERIOD), JoinSet::new());
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                let (client, sender) = (client.clone(), sender.clone());
                looks.spawn(async move {
                    let begun = Instant::now();
                    let answer = timeout(PATIENCE, client.send(Call::get(path))).await;
                    let status = answer.ok().and_then(Result::ok).map(|answer| answer.status);
                    // Nobody wants to know any more once the round is over.
                    _ = sender.send(Look { begun, took: begun.elapsed(), status });
                });
                while looks.try_join_next().is_some() {}
            }
        });
        Self(task, seen)
    }

    /// Ends, with all that was seen, in the order of the answers.
    pub fn end(mut self) -> Vec<Look> {
        self.0.abort();
        let mut looks = Vec::new();
        while let Ok(look) = self.1.try_recv() {
            looks.push(look);
        }
        looks
    }
}
