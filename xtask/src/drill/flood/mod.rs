//! Ten times as many sign-ins as the machine can hash, and half of the callers hang up.

mod load;
mod raw;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::spawn_blocking;
use tokio::time::{interval, sleep};

use super::client::{Call, Client, Faults};
use super::figures::{quantile, rounded};
use super::people::{PASSWORD, Person, join, login, me, sign_in};
use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use crate::server::{Profile, Server};
use load::{Outcome, Probe, Probed, Visit, come};

pub const DRILL: Drill = Drill {
    name: "flood",
    about: "ten times more sign-ins than can be hashed, half of them given up",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres) },
    ],
};

const TIMES_TOO_MANY: f64 = 10.0;
/// Enough that the guesses under way at one account never reach its limit.
const ACCOUNTS: usize = 100;
const PROBE_LIMIT_MS: f64 = 20.0;
const LEAST_SHARE: f64 = 0.85;
/// What a hash thread holds, and what all else may need beside it.
const HASH_KIB: u64 = 19 * 1024;
const BESIDE_KIB: u64 = 30 * 1024;

/// How long each phase takes.
struct Phases {
    alone: Duration,
    idle: Duration,
    beside: Duration,
    flood: Duration,
}

impl Phases {
    fn of(context: &Context) -> Self {
        let [alone, idle, beside, flood] = if context.short { [1, 1, 3, 10] } else { [5, 20, 60, 60] };
        let seconds = Duration::from_secs;
        Self { alone: seconds(alone), idle: seconds(idle), beside: seconds(beside), flood: seconds(flood) }
    }
}

fn run(context: &Context, database: Database) -> Result<Findings> {
    let settings = [("APP_RATE_LIMIT__ENABLED", "false")];
    let Some(stage) = Stage::open(context, database, 1, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut findings = Findings::default();
    block_on(drill(context, &stage, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}

async fn drill(context: &Context, stage: &Stage, findings: &mut Findings) -> Result<()> {
    let (phases, client, server) = (Phases::of(context), stage.client(), &stage.servers[0]);
    let person = join(client, "somebody@example.com").await?;
    for account in 0..ACCOUNTS {
        client.send(super::people::registration(&known(account), PASSWORD)).await?.expect(201)?;
    }
    let crowd = crowd(server)?;
    let capacity = spawn_blocking(move || raw::rate(phases.alone)).await??;
    findings.figure("raw_alone_per_s", rounded(capacity));

    // The threads have given back what they held, and the access token is fresh.
    sleep(if context.short { Duration::ZERO } else { Duration::from_secs(12) }).await;
    let person = sign_in(client, &person.email, PASSWORD).await?;
    let idle_kib = server.resident_kib()?;
    // What it is refused is counted, and judged below.
    let prober = Client::at(Ipv4Addr::LOCALHOST.into(), server.url(), &Faults::default())?;
    let probes = Probes::start(&prober, &person);
    sleep(phases.idle).await;
    let idle = probes.end().await?;

    let offered = capacity * TIMES_TOO_MANY;
    let mut random = StdRng::seed_from_u64(context.seed);
    // As many requests as will come in the flood, of a kind that needs no hash; the machine hashes beside.
    let probes = Probes::start(&prober, &person);
    let beside = spawn_blocking(move || raw::rate(phases.beside));
    let calls = |_| Visit { call: me(&person.tokens.access), patience: None };
    come(&crowd, offered, phases.beside, calls).await?;
    let raw = beside.await??;
    probes.end().await?;

    let probes = Probes::start(&prober, &person);
    let seen = watch(server, come(&crowd, offered, phases.flood, |number| sign_in_of(number, &mut random)));
    let (outcome, Weight { kib, threads }) = seen.await?;
    let flooded = probes.end().await?;

    let served = outcome.served() as f64 / phases.flood.as_secs_f64();
    findings.figure("raw_beside_load_per_s", rounded(raw));
    findings.figure("offered_per_s", rounded(offered));
    findings.figure("served_per_s", rounded(served));
    findings.figure("served_of_raw", (served / raw * 1000.0).round() / 1000.0);
    findings.figure("rss_idle_kib", idle_kib);
    findings.figure("rss_most_kib", kib);
    findings.figure("hash_threads", threads);
    findings.promise(threads <= raw::threads(), format!("{threads} threads hash"));
    let most = idle_kib + raw::threads() as u64 * HASH_KIB + BESIDE_KIB;
    // A debug build on a machine of CI is no measure of what it needs.
    let most = if context.short { most + 4 * BESIDE_KIB } else { most };
    findings.promise(kib <= most, format!("it held {kib} KiB, over {most}"));
    judge_answers(&outcome, findings);
    judge_times(context, findings, &idle, &flooded, served / raw);
    Ok(())
}

fn judge_answers(outcome: &Outcome, findings: &mut Findings) {
    findings.figure("came", outcome.came);
    findings.figure("served", outcome.served());
    findings.figure("hung_up", outcome.hung_up);
    findings.figure("served_ms_p50", rounded(quantile(&outcome.served_ms, 0.5)));
    findings.figure("served_ms_p99", rounded(quantile(&outcome.served_ms, 0.99)));
    for (answer, times) in &outcome.answers {
        findings.figure(&format!("answered_{}", answer.replace(' ', "_")), *times);
    }
    // Nobody who hangs up gave a right password.
    let expected = ["503 overloaded", "401 invalid_credentials"];
    let others: Vec<_> =
        outcome.answers.iter().filter(|(how, _)| !expected.contains(&how.as_str())).collect();
    findings.promise(others.is_empty(), format!("answers that were not expected: {others:?}"));
    let bare = outcome.bare - outcome.answers.get(expected[1]).copied().unwrap_or_default();
    findings.promise(bare == 0, format!("{bare} refusals without Retry-After"));
    findings.promise(outcome.served() > 0, "nobody was served");
    for why in outcome.lost.iter().take(3) {
        findings.promise(false, format!("no answer: {why}"));
    }
}

fn judge_times(
    context: &Context,
    findings: &mut Findings,
    idle: &[Probed; 2],
    flooded: &[Probed; 2],
    share: f64,
) {
    let matters = !context.short && context.profile == Profile::Release;
    for (index, name) in ["me", "live"].into_iter().enumerate() {
        let (idle, flooded, refused) = (idle[index].p99(), flooded[index].p99(), flooded[index].refused);
        findings.figure(&format!("{name}_idle_ms_p99"), idle);
        findings.figure(&format!("{name}_flood_ms_p99"), flooded);
        findings.figure(&format!("{name}_refused"), refused);
        let limit = PROBE_LIMIT_MS.max(2.0 * idle);
        let what = format!("p99 of {name} is {flooded} ms, over {limit}");
        findings.promise(!matters || flooded <= limit, what);
        // A debug build is full long before it has more than it can hash.
        findings.promise(!matters || refused == 0, format!("{name} was refused {refused} times"));
    }
    let what = format!("served {share:.3} of the raw rate, less than {LEAST_SHARE}");
    findings.promise(!matters || share >= LEAST_SHARE, what);
}

/// One of the flood: every other one stays and gives a right password; the rest are strangers, who hang
/// up while they wait.
fn sign_in_of(number: u64, random: &mut StdRng) -> Visit {
    if number.is_multiple_of(2) {
        let account = random.random_range(0..ACCOUNTS);
        return Visit { call: login(&known(account), PASSWORD), patience: None };
    }
    let patience = Duration::from_millis(random.random_range(5..300));
    Visit { call: login(&format!("stranger-{number}@example.com"), PASSWORD), patience: Some(patience) }
}

fn known(account: usize) -> String {
    format!("known-{account}@example.com")
}

/// Those who come, from several addresses of this machine: each has only so many ports.
fn crowd(server: &Server) -> Result<Vec<Client>> {
    let address = |number| IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
    (1..=16).map(|number| Client::at(address(number), server.url(), &Faults::default())).collect()
}

/// Two who ask what needs no hash, all the while.
struct Probes([Probe; 2]);

impl Probes {
    fn start(client: &Client, person: &Person) -> Self {
        let calls = [me(&person.tokens.access), Call::get("/health/live")];
        Self(calls.map(|call| Probe::start(client.clone(), call)))
    }

    async fn end(self) -> Result<[Probed; 2]> {
        let [me, live] = self.0;
        Ok([me.end().await?, live.end().await?])
    }
}

/// The most that a server held.
#[derive(Default)]
struct Weight {
    kib: u64,
    threads: usize,
}

/// Weighs the server while something goes on.
async fn watch(server: &Server, work: impl Future<Output = Result<Outcome>>) -> Result<(Outcome, Weight)> {
    let mut weight = Weight::default();
    let mut scales = interval(Duration::from_millis(100));
    tokio::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return Ok((outcome?, weight)),
            _ = scales.tick() => {
                weight.kib = weight.kib.max(server.resident_kib()?);
                weight.threads = weight.threads.max(server.threads("hash-")?);
            }
        }
    }
}
