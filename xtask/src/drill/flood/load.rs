//! Visitors who come whether or not those before them were served, and two who measure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::drill::client::{Call, Client};
use crate::drill::figures::{milliseconds_exactly, quantile};

/// One who comes: what they ask, and how long they wait for the answer at most.
pub struct Visit {
    pub call: Call,
    pub patience: Option<Duration>,
}

/// What became of all who came.
#[derive(Default)]
pub struct Outcome {
    pub came: u64,
    pub hung_up: u64,
    /// The answers by status and code.
    pub answers: BTreeMap<String, u64>,
    /// Sorted milliseconds until those who were served had their answer.
    pub served_ms: Vec<f64>,
    /// Refusals that do not say when to come back.
    pub bare: u64,
    /// No answer, and not because the visitor left.
    pub lost: Vec<String>,
}

/// How many served there were, of those who came.
impl Outcome {
    pub fn served(&self) -> u64 {
        self.served_ms.len() as u64
    }
}

enum Fate {
    Served(f64),
    Refused { how: String, bare: bool },
    HungUp,
    Lost(String),
}

/// Lets `per_second` visitors come in each second, however slow the answers are (an open loop).
pub async fn come(
    clients: &[Client],
    per_second: f64,
    duration: Duration,
    mut visit: impl FnMut(u64) -> Visit,
) -> Result<Outcome> {
    let begun = Instant::now();
    let mut visitors = JoinSet::new();
    let mut outcome = Outcome::default();
    for (number, client) in (0u64..).zip(clients.iter().cycle()) {
        let due = Duration::from_secs_f64(number as f64 / per_second);
        if due >= duration {
            break;
        }
        sleep_until((begun + due).into()).await;
        visitors.spawn(serve(client.clone(), visit(number)));
        outcome.came += 1;
        while let Some(fate) = visitors.try_join_next() {
            outcome.add(fate?);
        }
    }
    while let Some(fate) = visitors.join_next().await {
        outcome.add(fate?);
    }
    outcome.served_ms.sort_by(f64::total_cmp);
    Ok(outcome)
}

async fn serve(client: Client, visit: Visit) -> Fate {
    let begun = Instant::now();
    let answer = match visit.patience {
        Some(patience) => timeout(patience, client.send(visit.call)).await,
        None => Ok(client.send(visit.call).await),
    };
    match answer {
        Err(_) => Fate::HungUp,
        Ok(Err(error)) => Fate::Lost(format!("{error:#}")),
        Ok(Ok(answer)) if answer.status == 200 => Fate::Served(milliseconds_exactly(begun.elapsed())),
        Ok(Ok(answer)) => {
            let how = format!("{} {}", answer.status, answer.code());
            Fate::Refused { how, bare: !answer.headers.contains_key("retry-after") }
        }
    }
}

impl Outcome {
    fn add(&mut self, fate: Fate) {
        match fate {
            Fate::Served(time) => self.served_ms.push(time),
            Fate::Refused { how, bare } => {
                *self.answers.entry(how).or_default() += 1;
                self.bare += u64::from(bare);
            }
            Fate::HungUp => self.hung_up += 1,
            Fate::Lost(why) => self.lost.push(why),
        }
    }
}

/// Asks the same again and again, fifty times a second, until it is over.
pub struct Probe {
    over: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<Probed>>,
}

/// What became of what was asked.
#[derive(Default)]
pub struct Probed {
    times: Vec<f64>,
    /// How often the server said that it was too busy.
    pub refused: u64,
}

impl Probed {
    /// The 99th percentile of the times of those that were answered, in milliseconds.
    pub fn p99(&self) -> f64 {
        (quantile(&self.times, 0.99) * 100.0).round() / 100.0
    }
}

impl Probe {
    pub fn start(client: Client, call: Call) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(ask(client, call, over.clone()));
        Self { over, task }
    }

    /// An answer that is neither 200 nor says that the server is too busy is an error.
    pub async fn end(self) -> Result<Probed> {
        self.over.store(true, Ordering::Relaxed);
        let mut probed = self.task.await??;
        probed.times.sort_by(f64::total_cmp);
        Ok(probed)
    }
}

async fn ask(client: Client, call: Call, over: Arc<AtomicBool>) -> Result<Probed> {
    let mut probed = Probed::default();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let answer = client.send(call.clone()).await?;
        if answer.status == 503 && answer.code() == "overloaded" {
            probed.refused += 1;
        } else {
            answer.expect(200)?;
            probed.times.push(milliseconds_exactly(begun.elapsed()));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(probed)
}
