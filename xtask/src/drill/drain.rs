//! One of two servers ends while three hundred requests come each second, behind a balancer that watches
//! who is ready.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use reqwest::ClientBuilder;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::client::{Call, Client, Faults};
use super::figures::{milliseconds, spread};
use super::people::{join, me};
use super::stage::{CHEAP, Database, PATIENCE, Stage, block_on, note_faults};
use super::{Context, Drill, Findings, Part};

pub const DRILL: Drill = Drill {
    name: "drain",
    about: "one of two servers ends in order under 300 requests a second",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres) },
    ],
};

const PER_SECOND: u32 = 300;
/// How often the balancer looks.
const LOOK: Duration = Duration::from_millis(100);
/// How long a server says that it is not ready before it closes.
const DRAIN_DELAY: Duration = Duration::from_secs(2);
/// What an exit may take beyond that: nothing that is asked for here takes long.
const EXIT_LIMIT: Duration = Duration::from_secs(2);

fn run(context: &Context, database: Database) -> Result<Findings> {
    let delay = format!("{}s", DRAIN_DELAY.as_secs());
    let settings = [CHEAP, &[("APP_SERVER__DRAIN_DELAY", delay.as_str())]].concat();
    let Some(mut stage) = Stage::open(context, database, 2, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut findings = Findings::default();
    block_on(drill(context, &mut stage, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}

async fn drill(context: &Context, stage: &mut Stage, findings: &mut Findings) -> Result<()> {
    let person = join(stage.client(), "somebody@example.com").await?;
    let balancer = Arc::new(Balancer::default());
    for server in &stage.servers {
        balancer.add(Backend::at(server.url())?);
    }
    let load = Load::start(balancer.clone(), person.tokens.access);
    let (mut flips, mut exits) = (Vec::new(), Vec::new());
    for _ in 0..if context.short { 2 } else { 12 } {
        sleep(Duration::from_secs(if context.short { 1 } else { 3 })).await;
        // This blocks no one but this task: those who ask have threads of their own.
        let server = stage.servers.remove(0);
        let watch = tokio::spawn(watch(Backend::at(server.url())?, Instant::now()));
        let exit = server.stop(PATIENCE)?;
        let seen = watch.await??;
        findings.promise(seen.flip < seen.closed, "it closed before it said that it was not ready");
        findings.promise(!seen.wavered, "it said that it was ready after it had said that it was not");
        let late = exit > DRAIN_DELAY + EXIT_LIMIT;
        findings.promise(!late, format!("an exit took {exit:?}"));
        flips.push(milliseconds(seen.flip));
        exits.push(milliseconds(exit));
        stage.add(&[])?;
        if let Some(server) = stage.servers.last() {
            balancer.add(Backend::at(server.url())?);
        }
    }
    sleep(Duration::from_secs(1)).await;
    let (asked, failed) = load.end().await?;
    findings.figure("rounds", exits.len());
    findings.figure("requests", asked);
    findings.figure("failed", failed.values().sum::<u64>());
    spread(findings, "not_ready_after_ms", flips);
    spread(findings, "exit_ms", exits);
    for (what, times) in failed {
        findings.promise(false, format!("{what}, {times} times"));
    }
    note_faults(&stage.faults, findings);
    Ok(())
}

/// A server, over the three kinds of connections that callers have.
struct Backend {
    /// HTTP/1.1 that is kept, HTTP/1.1 that is new each time, HTTP/2.
    ways: [Client; 3],
    is_ready: AtomicBool,
}

impl Backend {
    fn at(url: String) -> Result<Arc<Self>> {
        let client = |settings: fn(ClientBuilder) -> ClientBuilder| {
            Client::with(settings(reqwest::Client::builder()), url.clone(), &Faults::default())
        };
        let ways = [
            client(|builder| builder)?,
            client(|builder| builder.pool_max_idle_per_host(0))?,
            client(ClientBuilder::http2_prior_knowledge)?,
        ];
        Ok(Arc::new(Self { ways, is_ready: AtomicBool::new(true) }))
    }

    /// What it says of itself, over a connection of its own; `None` where nobody listens.
    async fn readiness(&self) -> Option<bool> {
        self.ways[1].send(Call::get("/health/ready")).await.ok().map(|answer| answer.status == 200)
    }
}

/// Sends everybody to who is ready.
#[derive(Default)]
struct Balancer(Mutex<Vec<Arc<Backend>>>);

impl Balancer {
    /// Takes a server up, and looks after it until nobody is there.
    fn add(&self, backend: Arc<Backend>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(backend.clone());
        tokio::spawn(async move {
            while let Some(is_ready) = backend.readiness().await {
                backend.is_ready.store(is_ready, Ordering::Relaxed);
                sleep(LOOK).await;
            }
            backend.is_ready.store(false, Ordering::Relaxed);
        });
    }

    fn choose(&self, number: usize) -> Option<Arc<Backend>> {
        let backends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ready: Vec<_> =
            backends.iter().filter(|backend| backend.is_ready.load(Ordering::Relaxed)).collect();
        ready.get(number % ready.len().max(1)).map(|backend| Arc::clone(backend))
    }
}

type Failures = BTreeMap<String, u64>;

/// Asks at the same pace, however long the answers take.
struct Load {
    is_over: Arc<AtomicBool>,
    tally: Arc<Tally>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Tally {
    asked: AtomicU64,
    answered: AtomicU64,
    failed: Mutex<Failures>,
}

impl Load {
    fn start(balancer: Arc<Balancer>, access: String) -> Self {
        let (is_over, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let task = tokio::spawn(ask(balancer, access, is_over.clone(), tally.clone()));
        Self { is_over, tally, task }
    }

    /// How many asked, and what they got that was no answer.
    async fn end(self) -> Result<(u64, Failures)> {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.await?;
        let asked = self.tally.asked.load(Ordering::Relaxed);
        while self.tally.answered.load(Ordering::Relaxed) < asked {
            sleep(Duration::from_millis(10)).await;
        }
        Ok((asked, self.tally.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

async fn ask(balancer: Arc<Balancer>, access: String, is_over: Arc<AtomicBool>, tally: Arc<Tally>) {
    let mut pace = interval(Duration::from_secs(1) / PER_SECOND);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0usize.. {
        pace.tick().await;
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let (backend, call, tally) = (balancer.choose(number / 3), call(number, &access), tally.clone());
        tally.asked.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let failure = match backend {
                None => Some("nobody was ready".to_owned()),
                Some(backend) => match backend.ways[number % 3].send(call).await {
                    Ok(answer) if answer.status < 300 => None,
                    Ok(answer) => Some(answer.shown()),
                    Err(error) => Some(format!("{error:#}")),
                },
            };
            if let Some(failure) = failure {
                let mut failed = tally.failed.lock().unwrap_or_else(PoisonError::into_inner);
                *failed.entry(format!("{}: {failure}", ["kept", "new", "http2"][number % 3])).or_default() +=
                    1;
            }
            tally.answered.fetch_add(1, Ordering::Relaxed);
        });
    }
}

fn call(number: usize, access: &str) -> Call {
    match number / 3 % 10 {
        0 => Call::post("notes").by(access).with(json!({ "title": format!("note {number}"), "body": "" })),
        1 | 2 => Call::get("notes").by(access),
        _ => me(access),
    }
}

/// When a server that is to end said so, and when it closed.
struct Seen {
    flip: Duration,
    closed: Duration,
    wavered: bool,
}

async fn watch(backend: Arc<Backend>, begun: Instant) -> Result<Seen> {
    let (mut flip, mut wavered) = (None, false);
    while let Some(is_ready) = backend.readiness().await {
        if !is_ready {
            flip.get_or_insert_with(|| begun.elapsed());
        }
        wavered |= is_ready && flip.is_some();
        sleep(Duration::from_millis(10)).await;
    }
    let closed = begun.elapsed();
    Ok(Seen { flip: flip.unwrap_or(closed), closed, wavered })
}
