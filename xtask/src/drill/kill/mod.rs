//! `kill -9` while accounts are written: what was acknowledged is there after the next start, and what
//! was ended does not come back.

pub mod check;
pub mod journal;
pub mod writer;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::{Client, Faults};
use super::figures::{milliseconds, spread};
use super::people::{PASSWORD, sign_in};
use super::stage::{self, CHEAP, Database, PATIENCE, block_on};
use super::{Context, Drill, Findings, Part};
use crate::place::Place;
use crate::server::{self, Profile, Server};
use check::Found;
use journal::Life;

pub const DRILL: Drill = Drill {
    name: "kill",
    about: "kill -9 under writes, and what was acknowledged is asked for again",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite, [3, 500]) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres, [2, 200]) },
    ],
};

const WRITERS: usize = 6;
const OVERSEER: &str = "overseer@example.com";
/// Tokens outlive the drill, so that one that is refused was ended.
const ACCESS: (&str, &str) = ("APP_AUTH__ACCESS_TTL", "2h");
const RESTART_LIMIT_MS: f64 = 1000.0;

fn run(context: &Context, database: Database, [short, long]: [u64; 2]) -> Result<Findings> {
    let binary = server::build(context.profile)?;
    let settings = [CHEAP, &[ACCESS]].concat();
    let Some(place) = stage::place(context, &binary, database, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    stage::create(&binary, &place, OVERSEER, PASSWORD, "admin")?;
    let kills = if context.short { short } else { long };
    let mut findings = Findings::default();
    let (mut found, mut lives, mut restarts) = (Found::default(), Vec::new(), Vec::new());
    let (faults, mut acknowledged) = (Faults::default(), 0);
    for kill in 0..kills {
        let (server, _) = start(&binary, &place)?;
        let client = Client::new(server.url(), &faults)?;
        let random = StdRng::seed_from_u64(context.seed.wrapping_add(kill));
        let mut round = block_on(write_until_killed(client, server, kill, random))?;
        acknowledged += round.acknowledged;

        let (server, time) = start(&binary, &place)?;
        restarts.push(milliseconds(time));
        let client = Client::new(server.url(), &faults)?;
        block_on(check_all(&client, &mut round.lives, &mut found))?;
        if database == Database::Sqlite {
            let verdict = check::integrity(&place.folder().join("data/stead.db"))?;
            findings.promise(verdict == "ok", format!("after kill {kill}, integrity_check: {verdict}"));
        }
        server.stop(PATIENCE)?;
        lives.append(&mut round.lives);
    }
    // Once more, all of them: a later kill takes nothing of what an earlier one left.
    let (server, _) = start(&binary, &place)?;
    let client = Client::new(server.url(), &faults)?;
    block_on(check_all(&client, &mut lives, &mut found))?;
    server.stop(PATIENCE)?;

    findings.figure("kills", kills);
    findings.figure("acknowledged", acknowledged);
    findings.figure("accounts", lives.len());
    conclude(context, &mut findings, &found, restarts);
    stage::note_faults(&faults, &mut findings);
    Ok(findings)
}

fn conclude(context: &Context, findings: &mut Findings, found: &Found, restarts: Vec<f64>) {
    found.note(findings);
    let restart = spread(findings, "restart_ms", restarts);
    if !context.short && context.profile == Profile::Release {
        let what = format!("p95 of a restart is {restart} ms, over {RESTART_LIMIT_MS}");
        findings.promise(restart <= RESTART_LIMIT_MS, what);
    }
}

fn start(binary: &Path, place: &Place) -> Result<(Server, Duration)> {
    let mut server = Server::start(binary, place)?;
    let time = server.wait_for("/health/ready", PATIENCE)?;
    Ok((server, time))
}

struct Round {
    lives: Vec<Life>,
    acknowledged: u64,
}

async fn write_until_killed(client: Client, server: Server, kill: u64, mut random: StdRng) -> Result<Round> {
    let admin = sign_in(&client, OVERSEER, PASSWORD).await?.tokens.access;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let name = format!("life-{kill}-{writer}");
        let random = StdRng::seed_from_u64(random.random());
        writers.spawn(writer::write(client.clone(), admin.clone(), name, random, |_| {}));
    }
    sleep(Duration::from_millis(random.random_range(50..1000))).await;
    server.kill()?;
    let mut round = Round { lives: Vec::new(), acknowledged: 0 };
    while let Some(written) = writers.join_next().await {
        let written = written??;
        round.lives.extend(written.lives);
        round.acknowledged += written.acknowledged;
    }
    Ok(round)
}

async fn check_all(client: &Client, lives: &mut Vec<Life>, found: &mut Found) -> Result<()> {
    let admin = sign_in(client, OVERSEER, PASSWORD).await?.tokens.access;
    for life in lives.iter_mut() {
        check::check(client, &admin, life, found).await?;
    }
    // Those whose registration was not answered, and did not happen.
    lives.retain(|life| !life.id.is_empty());
    Ok(())
}
