//! Backups of SQLite while accounts are written: each is restored elsewhere, and what was acknowledged
//! before it began is asked for there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

use super::client::{Call, Client};
use super::figures::{milliseconds, spread};
use super::kill::check::{self, Found};
use super::kill::journal::Life;
use super::kill::writer;
use super::people::{PASSWORD, sign_in};
use super::stage::{self, CHEAP, Database, PATIENCE, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use crate::process;
use crate::server::Server;

pub const DRILL: Drill = Drill {
    name: "backup",
    about: "backups under writes, each restored and asked for what was acknowledged before it",
    parts: &[Part { about: "on SQLite", run }],
};

const WRITERS: usize = 6;
const OVERSEER: &str = "overseer@example.com";
/// Tokens outlive the drill, so that one that is refused was ended; the key is that of every copy.
const SETTINGS: &[(&str, &str)] =
    &[("APP_AUTH__ACCESS_TTL", "2h"), ("APP_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")];

/// What each writer did so far: its accounts in order, the last still being written to.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Entries>>);

#[derive(Clone, Default)]
struct Entries {
    acknowledged: u64,
    lives: BTreeMap<usize, Vec<Life>>,
}

/// A backup, and what was acknowledged when it began and when it was done.
struct Taken {
    file: PathBuf,
    before: Entries,
    after: Entries,
    time: Duration,
}

fn run(context: &Context) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut stage = Stage::cheap(context, Database::Sqlite, 1, SETTINGS)?.context("SQLite is everywhere")?;
    stage.create(OVERSEER, PASSWORD, "admin")?;
    let count = if context.short { 3 } else { 20 };
    let all = block_on(take_all(&mut stage, count, StdRng::seed_from_u64(context.seed)))?;

    let (mut found, mut restores) = (Found::default(), Vec::new());
    for taken in &all {
        restores.push(milliseconds(restored(context, &stage, taken, &mut found)?));
    }
    let meanwhile: u64 = all.iter().map(|taken| taken.after.acknowledged - taken.before.acknowledged).sum();
    findings.figure("backups", all.len());
    findings.figure("acknowledged_before_the_last", all.last().map_or(0, |last| last.before.acknowledged));
    findings.figure("acknowledged_while_copying", meanwhile);
    findings.promise(all.iter().all(|taken| taken.before.acknowledged > 0), "there was nothing to lose");
    findings.promise(meanwhile > 0, "nothing was written while a backup was taken");
    spread(&mut findings, "backup_ms", all.iter().map(|taken| milliseconds(taken.time)).collect());
    spread(&mut findings, "restore_ms", restores);
    found.note(&mut findings);
    stage.close(&mut findings)?;
    Ok(findings)
}

/// The server is killed at the end, which is how the writers know.
async fn take_all(stage: &mut Stage, count: usize, mut random: StdRng) -> Result<Vec<Taken>> {
    let client = stage.client().clone();
    let admin = sign_in(&client, OVERSEER, PASSWORD).await?.tokens.access;
    let journal = Journal::default();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (journal, random) = (journal.clone(), StdRng::seed_from_u64(random.random()));
        let note = move |life: &Life| journal.note(writer, life);
        writers.spawn(writer::write(client.clone(), admin.clone(), format!("life-{writer}"), random, note));
    }
    let mut all = Vec::new();
    for number in 0..count {
        sleep(Duration::from_millis(random.random_range(300..1500))).await;
        let file = stage.place.folder().join(format!("backup-{number}.db"));
        let (before, begun) = (journal.entries().clone(), Instant::now());
        let name = file.to_str().context("not a name that an argument can have")?;
        block_in_place(|| stage.operator(&["backup", name]))?;
        let (time, after) = (begun.elapsed(), journal.entries().clone());
        all.push(Taken { file, before, after, time });
    }
    for server in stage.servers.drain(..) {
        server.kill()?;
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(all)
}

/// Restores a backup over a database of its own and asks a server on it; returns how long the restore took.
fn restored(context: &Context, stage: &Stage, taken: &Taken, found: &mut Found) -> Result<Duration> {
    let binary = &stage.binary;
    let settings = [CHEAP, SETTINGS].concat();
    let place =
        stage::place(context, binary, Database::Sqlite, &settings)?.context("SQLite is everywhere")?;
    let begun = Instant::now();
    process::output(place.command(binary).arg("restore").arg(&taken.file))?;
    let time = begun.elapsed();
    let verdict = check::integrity(&place.folder().join("data/stead.db"))?;
    ensure!(verdict == "ok", "integrity_check of {}: {verdict}", taken.file.display());
    let mut server = Server::start(binary, &place)?;
    server.wait_for("/health/ready", PATIENCE)?;
    let client = Client::new(server.url(), &stage.faults)?;
    block_on(ask(&client, taken, found))?;
    server.stop(PATIENCE)?;
    Ok(time)
}

async fn ask(client: &Client, taken: &Taken, found: &mut Found) -> Result<()> {
    let admin = sign_in(client, OVERSEER, PASSWORD).await?.tokens.access;
    for (writer, lives) in &taken.before.lives {
        let Some((written, settled)) = lives.split_last() else { continue };
        for life in settled {
            check::check(client, &admin, &mut life.clone(), found).await?;
        }
        let later = taken.after.lives.get(writer).and_then(|lives| lives.get(settled.len()));
        bounds(client, &admin, written, later.context("the journal forgets nothing")?, found).await?;
    }
    Ok(())
}

/// Of an account that was written to while the backup was taken: it has all that was acknowledged before,
/// and no more than was done by the end. One act may have been under way.
async fn bounds(client: &Client, admin: &str, before: &Life, after: &Life, found: &mut Found) -> Result<()> {
    found.checked += 1;
    let page = Call::get(&format!("audit-events?subject_id={}&limit=100", before.id)).by(admin);
    let page = client.send(page).await?.expect(200)?;
    let events: Vec<_> = page.body["items"].as_array().into_iter().flatten().collect();
    for (action, acts) in &before.audit {
        let rows = events.iter().filter(|event| event["action"] == *action).count() as u64;
        let most = after.audit.get(action).copied().unwrap_or_default() + 1;
        if !(*acts..=most).contains(&rows) {
            found.lost.push(format!("{}: {rows} rows `{action}`, not {acts} to {most}", before.email));
        }
    }
    let user = client.send(Call::get(&format!("users/{}", before.id)).by(admin)).await?;
    if user.status != 200 {
        found.lost.push(format!("{}: {}", before.email, user.shown()));
    }
    Ok(())
}

impl Journal {
    fn note(&self, writer: usize, life: &Life) {
        let mut entries = self.entries();
        entries.acknowledged += 1;
        let lives = entries.lives.entry(writer).or_default();
        if lives.last().is_some_and(|last| last.email == life.email) {
            lives.pop();
        }
        lives.push(life.clone());
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
