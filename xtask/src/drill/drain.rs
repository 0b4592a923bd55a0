//! One of two servers ends while three hundred requests come each second, behind a balancer that watches
//! who is ready.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::client::Call;
use super::figures::{milliseconds, spread};
use super::people::join;
use super::stage::{CHEAP, Database, PATIENCE, Stage, block_on, note_faults};
use super::traffic::{Traffic, Ways};
use super::{Context, Drill, Findings, Part};

pub const DRILL: Drill = Drill {
    name: "drain",
    about: "one of two servers ends in order under 300 requests a second",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres) },
    ],
};

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
    let chosen = balancer.clone();
    let traffic = Traffic::start(
        move |number| chosen.choose(number / 3).map(|backend| backend.ways.clone()),
        person.tokens.access,
    );
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
    traffic.end(findings).await?;
    findings.figure("rounds", exits.len());
    spread(findings, "not_ready_after_ms", flips);
    spread(findings, "exit_ms", exits);
    note_faults(&stage.faults, findings);
    Ok(())
}

/// A server, and the ways to it.
struct Backend {
    ways: Arc<Ways>,
    is_ready: AtomicBool,
}

impl Backend {
    fn at(url: String) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { ways: Ways::to(url)?, is_ready: AtomicBool::new(true) }))
    }

    /// What it says of itself, over a connection of its own; `None` where nobody listens.
    async fn readiness(&self) -> Option<bool> {
        self.ways.anew().send(Call::get("/health/ready")).await.ok().map(|answer| answer.status == 200)
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
