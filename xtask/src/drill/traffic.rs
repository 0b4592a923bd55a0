//! Requests at a steady pace, however long the answers take, over the kinds of connections that callers have.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::ClientBuilder;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Findings;
use super::client::{Call, Client, Faults};
use super::figures::{milliseconds, quantile};
use super::people::me;

pub const PER_SECOND: u32 = 300;

/// The ways to one address: HTTP/1.1 that is kept, HTTP/1.1 that is new each time, HTTP/2.
pub struct Ways([Client; 3]);

const KINDS: [&str; 3] = ["kept", "new", "http2"];

impl Ways {
    pub fn to(url: String) -> Result<Arc<Self>> {
        let client = |settings: fn(ClientBuilder) -> ClientBuilder| {
            Client::with(settings(reqwest::Client::builder()), url.clone(), &Faults::default())
        };
        Ok(Arc::new(Self([
            client(|builder| builder)?,
            client(|builder| builder.pool_max_idle_per_host(0))?,
            client(ClientBuilder::http2_prior_knowledge)?,
        ])))
    }

    /// Over a connection of its own each time.
    pub fn anew(&self) -> &Client {
        &self.0[1]
    }
}

/// What was asked by a number, and where to.
type Choice = Box<dyn Fn(usize) -> Option<Arc<Ways>> + Send>;

pub struct Traffic {
    is_over: Arc<AtomicBool>,
    tally: Arc<Tally>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Tally {
    asked: AtomicU64,
    answered: AtomicU64,
    failed: Mutex<BTreeMap<String, u64>>,
    times: Mutex<Vec<f64>>,
}

impl Traffic {
    /// Asks as the holder of an access token whoever `choose` names for each number.
    pub fn start(choose: impl Fn(usize) -> Option<Arc<Ways>> + Send + 'static, access: String) -> Self {
        let (is_over, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let task = tokio::spawn(ask(Box::new(choose), access, is_over.clone(), tally.clone()));
        Self { is_over, tally, task }
    }

    /// Notes how many asked, and what they got that was no answer: each is a fault.
    pub async fn end(self, findings: &mut Findings) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.await?;
        let asked = self.tally.asked.load(Ordering::Relaxed);
        while self.tally.answered.load(Ordering::Relaxed) < asked {
            sleep(Duration::from_millis(10)).await;
        }
        let failed = self.tally.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut times = self.tally.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_by(f64::total_cmp);
        findings.figure("requests", asked);
        findings.figure("failed", failed.values().sum::<u64>());
        for (name, share) in [("answer_ms_p50", 0.5), ("answer_ms_p99", 0.99), ("answer_ms_max", 1.0)] {
            findings.figure(name, quantile(&times, share));
        }
        for (what, times) in failed {
            findings.promise(false, format!("{what}, {times} times"));
        }
        Ok(())
    }
}

async fn ask(choose: Choice, access: String, is_over: Arc<AtomicBool>, tally: Arc<Tally>) {
    let mut pace = interval(Duration::from_secs(1) / PER_SECOND);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0usize.. {
        pace.tick().await;
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let (ways, call, tally) = (choose(number), call(number, &access), tally.clone());
        tally.asked.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let begun = Instant::now();
            let failure = match ways {
                None => Some("nobody was ready".to_owned()),
                Some(ways) => match ways.0[number % 3].send(call).await {
                    Ok(answer) if answer.status < 300 => None,
                    Ok(answer) => Some(answer.shown()),
                    Err(error) => Some(format!("{error:#}")),
                },
            };
            tally.note(KINDS[number % 3], begun.elapsed(), failure);
        });
    }
}

impl Tally {
    fn note(&self, kind: &str, took: Duration, failure: Option<String>) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(milliseconds(took));
        if let Some(failure) = failure {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed.entry(format!("{kind}: {failure}")).or_default() += 1;
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

fn call(number: usize, access: &str) -> Call {
    match number / 3 % 10 {
        0 => Call::post("notes").by(access).with(json!({ "title": format!("note {number}"), "body": "" })),
        1 | 2 => Call::get("notes").by(access),
        _ => me(access),
    }
}
