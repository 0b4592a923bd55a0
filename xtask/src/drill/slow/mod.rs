//! A thousand connections that take their time, and those who do not.

mod sluggard;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rcgen::generate_simple_self_signed;
use serde_json::Value;
use tokio::time::sleep;

use super::client::Call;
use super::figures::{milliseconds_exactly, quantile, rounded, spread};
use super::people::{Tokens, join, me, refresh};
use super::stage::{CHEAP, Database, PATIENCE, Stage, block_on, place};
use super::{Context, Drill, Findings, Part};
use crate::curl;
use crate::server::{Profile, Server};
use sluggard::{Crowd, Kind};

pub const DRILL: Drill = Drill {
    name: "slow",
    about: "a thousand connections that send slowly, or nothing",
    parts: &[
        Part {
            about: "slow headers, slow bodies and idle ones, on SQLite",
            run: |context| run(context, Database::Sqlite),
        },
        Part {
            about: "slow headers, slow bodies and idle ones, on PostgreSQL",
            run: |context| run(context, Database::Postgres),
        },
        Part { about: "handshakes of TLS that do not end", run: handshakes },
    ],
};

const PROBE_LIMIT_MS: f64 = 100.0;
/// How long the server bears what is slow at most: a body half of this, a header a third and what its clock is late by.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// As long as it bears who is idle, and what its clock is late by.
const IDLE: Duration = Duration::from_secs(82);

struct Plan {
    connections: usize,
    held: Duration,
    request_timeout: Duration,
}

impl Plan {
    fn of(context: &Context) -> Self {
        match context.short {
            true => Self {
                connections: 100,
                held: Duration::from_secs(5),
                request_timeout: Duration::from_secs(3),
            },
            false => {
                Self { connections: 1000, held: Duration::from_secs(60), request_timeout: REQUEST_TIMEOUT }
            }
        }
    }

    fn settings(&self) -> String {
        format!("{}s", self.request_timeout.as_secs())
    }
}

fn run(context: &Context, database: Database) -> Result<Findings> {
    let plan = Plan::of(context);
    let timeout = plan.settings();
    let settings = [CHEAP, &[("APP_SERVER__REQUEST_TIMEOUT", timeout.as_str())]].concat();
    let Some(stage) = Stage::open(context, database, 1, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut findings = Findings::default();
    block_on(drill(context, &plan, &stage, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}

async fn drill(context: &Context, plan: &Plan, stage: &Stage, findings: &mut Findings) -> Result<()> {
    let (client, server) = (stage.client(), &stage.servers[0]);
    let person = join(client, "somebody@example.com").await?;
    let mut tokens = person.tokens;
    for _ in 0..50 {
        client.send(me(&tokens.access)).await?.expect(200)?;
    }
    let before = Weight::of(server)?;
    let crowd = Crowd::gather(server, &[Kind::Header, Kind::Body, Kind::Idle], plan.connections).await;
    let begun = Instant::now();
    let (mut probes, mut others, mut most) = (Vec::new(), Vec::new(), before);
    while begun.elapsed() < plan.held {
        for path in ["/health/live", "/health/ready"] {
            let asked = Instant::now();
            client.send(Call::get(path)).await?.expect(200)?;
            probes.push(milliseconds_exactly(asked.elapsed()));
        }
        let asked = Instant::now();
        client.send(me(&tokens.access)).await?.expect(200)?;
        others.push(milliseconds_exactly(asked.elapsed()));
        tokens = Tokens::of(&client.send(refresh(&tokens.refresh)).await?.expect(200)?)?;
        most = most.max(Weight::of(server)?);
        sleep(Duration::from_millis(20)).await;
    }
    let open = crowd.open();
    let tally = crowd.retire();
    for (name, times) in &tally {
        findings.figure(name, *times);
    }
    findings.figure("held_open_at_the_end", open);
    judge_times(context, findings, probes, others);
    told(findings, before, most);
    findings.promise(open >= plan.connections * 9 / 10, format!("only {open} connections were held"));
    // In the short form nobody waits for those who are idle: they leave by themselves.
    let patience = if context.short {
        crowd.go_home();
        Duration::from_secs(10)
    } else {
        IDLE
    };
    let after = settled(server, before.files, patience).await?;
    findings.figure("files_after", after.files);
    findings.figure("rss_after_kib", after.kib);
    findings.promise(
        after.files <= before.files + 2,
        format!("{} files are open, and {} were before", after.files, before.files),
    );
    Ok(())
}

fn judge_times(context: &Context, findings: &mut Findings, mut probes: Vec<f64>, others: Vec<f64>) {
    probes.sort_by(f64::total_cmp);
    let p99 = rounded(quantile(&probes, 0.99));
    findings.figure("probe_ms_p99", p99);
    findings.figure("probes", probes.len());
    let me = spread(findings, "me_ms", others);
    let matters = !context.short && context.profile == Profile::Release;
    findings.promise(
        !matters || p99 <= PROBE_LIMIT_MS,
        format!("p99 of the probes is {p99} ms, over {PROBE_LIMIT_MS}"),
    );
    findings.promise(
        !matters || me <= PROBE_LIMIT_MS,
        format!("p95 of /users/me is {me} ms, over {PROBE_LIMIT_MS}"),
    );
}

fn told(findings: &mut Findings, before: Weight, most: Weight) {
    for (when, weight) in [("before", before), ("most", most)] {
        findings.figure(&format!("rss_{when}_kib"), weight.kib);
        findings.figure(&format!("files_{when}"), weight.files);
    }
}

/// What a server holds.
#[derive(Clone, Copy)]
struct Weight {
    kib: u64,
    files: usize,
}

impl Weight {
    fn of(server: &Server) -> Result<Self> {
        Ok(Self { kib: server.resident_kib()?, files: server.open_files()? })
    }

    fn max(self, other: Self) -> Self {
        Self { kib: self.kib.max(other.kib), files: self.files.max(other.files) }
    }
}

/// What it holds when it has as few files open as before, or has had time enough.
async fn settled(server: &Server, files: usize, patience: Duration) -> Result<Weight> {
    let begun = Instant::now();
    loop {
        let weight = Weight::of(server)?;
        if weight.files <= files + 2 || begun.elapsed() > patience {
            return Ok(weight);
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn handshakes(context: &Context) -> Result<Findings> {
    let plan = Plan::of(context);
    let timeout = plan.settings();
    let settings = [CHEAP, &[("APP_SERVER__REQUEST_TIMEOUT", timeout.as_str())]].concat();
    let binary = crate::server::build(context.profile)?;
    let Some(place) = place(context, &binary, Database::Sqlite, &settings)? else {
        return Ok(Findings::skipped("no SQLite"));
    };
    let made = generate_simple_self_signed(["localhost".to_owned()])?;
    let files = ["cert.pem", "key.pem"].map(|name| place.folder().join(name));
    std::fs::write(&files[0], made.cert.pem())?;
    std::fs::write(&files[1], made.signing_key.serialize_pem())?;
    let server = Server::start_with(
        &binary,
        &place,
        &[("APP_SERVER__TLS__CERT", "cert.pem"), ("APP_SERVER__TLS__KEY", "key.pem")],
    )?;
    wait_for(&server)?;
    let mut findings = Findings::default();
    block_on(shaken(context, &plan, &server, &mut findings))?;
    server.stop(PATIENCE)?;
    Ok(findings)
}

/// Waits until it answers over TLS.
fn wait_for(server: &Server) -> Result<()> {
    let begun = Instant::now();
    loop {
        match curl::Call::to("GET", "/health/ready").send(&secure(server)) {
            Ok(answer) if answer.status == 200 => return Ok(()),
            last => ensure!(begun.elapsed() < PATIENCE, "no answer over TLS: {:?}", last.err()),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn secure(server: &Server) -> String {
    server.url().replace("http:", "https:")
}

async fn shaken(context: &Context, plan: &Plan, server: &Server, findings: &mut Findings) -> Result<()> {
    let url = secure(server);
    let person = serde_json::json!({ "email": "ada@example.com", "password": super::people::PASSWORD });
    let ask = |call: curl::Call<'_>| call.send(&url);
    ensure!(
        ask(curl::Call::to("POST", "/api/v1/auth/register").with(&person))?.status == 201,
        "nobody can register"
    );
    let signed_in = ask(curl::Call::to("POST", "/api/v1/auth/login").with(&person))?.expect(200)?;
    let access = signed_in.body["access_token"].as_str().map(str::to_owned).unwrap_or_default();
    let before = Weight::of(server)?;
    let crowd = Crowd::gather(server, &[Kind::Handshake, Kind::Silent], plan.connections).await;
    let begun = Instant::now();
    let (mut probes, mut others, mut most) = (Vec::new(), Vec::new(), before);
    while begun.elapsed() < plan.held {
        // A handshake and a request each time, in a process of its own.
        let timed = |call: curl::Call<'_>, times: &mut Vec<f64>| -> Result<Value> {
            let asked = Instant::now();
            let answer = ask(call)?.expect(200)?;
            times.push(milliseconds_exactly(asked.elapsed()));
            Ok(answer.body)
        };
        timed(curl::Call::to("GET", "/health/live"), &mut probes)?;
        timed(curl::Call::to("GET", "/api/v1/users/me").by(&access), &mut others)?;
        most = most.max(Weight::of(server)?);
        sleep(Duration::from_millis(20)).await;
    }
    let open = crowd.open();
    for (name, times) in crowd.retire() {
        findings.figure(&name, times);
    }
    findings.figure("held_open_at_the_end", open);
    findings.promise(open >= plan.connections * 9 / 10, format!("only {open} connections were held"));
    judge_times(context, findings, probes, others);
    told(findings, before, most);
    let after = settled(server, before.files, plan.request_timeout).await?;
    findings.figure("files_after", after.files);
    findings.promise(
        after.files <= before.files + 2,
        format!("{} files are open, and {} were before", after.files, before.files),
    );
    Ok(())
}
