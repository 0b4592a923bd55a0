//! PostgreSQL fails under load: killed, stopped, cut off in silence, reset, restarted.

mod fault;
mod ledger;
mod probe;
mod samples;
mod tally;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Url;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::{Call, Client, Faults};
use super::replicas::proxy::Proxy;
use super::stage::{CHEAP, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use crate::postgres::durable::Durable;
use crate::server::Profile;
use fault::{Fault, Outage};
use probe::Probe;
use samples::Samples;
use tally::{GIVEN_UP, Tally};
use worker::Worker;

pub const DRILL: Drill = Drill {
    name: "faults",
    about: "PostgreSQL is killed, stopped, cut off, reset and restarted under load",
    parts: &[
        Part { about: "killed and started again", run: |context| run(context, Fault::Killed) },
        Part { about: "stopped for some seconds", run: |context| run(context, Fault::Stopped) },
        Part { about: "a line that loses everything", run: |context| run(context, Fault::Silent) },
        Part { about: "a line that resets everybody", run: |context| run(context, Fault::Reset) },
        Part { about: "restarted, fast and immediate", run: |context| run(context, Fault::Restarted) },
    ],
};

const WORKERS: u64 = 16;
/// After a fault was found to be mended.
const CALM: Duration = Duration::from_secs(1);
/// In milliseconds: longer than what it takes until a server says that it is not ready.
const SHORT_OUTAGE: std::ops::Range<u64> = 2200..2600;
const OUTAGE: std::ops::Range<u64> = 3000..8000;

fn run(context: &Context, fault: Fault) -> Result<Findings> {
    let Some(database) = Durable::start()? else {
        return Ok(Findings::skipped("no PostgreSQL that may be killed"));
    };
    // No limit is asked for here, and hashes cost nothing; all time-outs are as they are.
    let mut stage = Stage::upon(context, &database.url("drill"), CHEAP)?;
    let mut findings = Findings::default();
    block_on(drill(context, &mut stage, &database, fault, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}

async fn drill(
    context: &Context,
    stage: &mut Stage,
    database: &Durable,
    fault: Fault,
    findings: &mut Findings,
) -> Result<()> {
    let line = Proxy::to(format!("127.0.0.1:{}", database.port())).await?;
    let mut through = Url::parse(&database.url("drill"))?;
    through.set_port(Some(line.address.port())).ok().context("an address without a port")?;
    // A line of its own would hide how PostgreSQL itself ends.
    let is_line = matches!(fault, Fault::Silent | Fault::Reset);
    let address = if is_line { through.to_string() } else { database.url("drill") };
    stage.add(&[("APP_DATABASE__URL", address.as_str())])?;
    let url = stage.servers.last().context("no server")?.url();
    let callers = || Client::new(url.clone(), &Faults::default());

    let (samples, mut random) = (Samples::default(), StdRng::seed_from_u64(context.seed));
    let mut workers = Vec::new();
    for number in 0..WORKERS {
        let name = format!("worker-{number}");
        workers.push(Worker::new(callers()?, &name, random.random(), &samples).await?);
    }
    let mut checker = Worker::new(callers()?, "checker", random.random(), &samples).await?;
    let mut tally = Tally::default();
    let (rounds, outage) = if context.short { (1, SHORT_OUTAGE) } else { (50, OUTAGE) };
    for round in 0..rounds {
        let lasts = Duration::from_millis(random.random_range(outage.clone()));
        let load = Load::start(workers);
        let (live, ready) = (Probe::of(callers()?, "/health/live"), Probe::of(callers()?, "/health/ready"));
        sleep(if context.short { CALM / 2 } else { CALM }).await;
        let seen = fault.happen(database, &line, lasts, round).await?;
        let recovered = until_recovered(&callers()?, &mut checker, &seen).await?;
        sleep(CALM).await;
        workers = load.end().await?;
        for worker in &mut workers {
            // The session that was there before is there still.
            ensure!(worker.refresh().await, "after round {round} a session cannot be refreshed");
        }
        tally.round(&seen, recovered, &live.end(), &ready.end());
        tally.calls(&seen, samples.take());
        println!(
            "  {fault:?} {round}: away for {:?}, back within {:?}",
            seen.back - seen.begun,
            recovered - seen.back
        );
    }
    workers.push(checker);
    ledger::check(&callers()?, &workers, findings).await?;
    let strictly = !context.short && context.profile == Profile::Release;
    tally.conclude(fault, strictly, &workers, findings);
    Ok(())
}

/// When it said that it was ready, and one call of each kind succeeded.
async fn until_recovered(client: &Client, checker: &mut Worker, outage: &Outage) -> Result<Instant> {
    loop {
        let ready = client.send(Call::get("/health/ready")).await;
        if ready.is_ok_and(|ready| ready.status == 200) && checker.round().await {
            return Ok(Instant::now());
        }
        ensure!(
            outage.back.elapsed() < GIVEN_UP,
            "not back {GIVEN_UP:?} after its database was: {}",
            checker.open()
        );
        sleep(Duration::from_millis(10)).await;
    }
}

/// All workers at once.
struct Load {
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<Result<Worker>>,
}

impl Load {
    fn start(workers: Vec<Worker>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let tasks = workers.into_iter().map(|worker| worker.work(is_over.clone())).collect();
        Self { is_over, tasks }
    }

    /// The workers, with nothing open.
    async fn end(self) -> Result<Vec<Worker>> {
        self.is_over.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.into_iter().collect()
    }
}
