//! SQLite on a disk that is full, that fails, or that loses its power: nobody is told that something is
//! written that is not, what is there is still read, and nobody needs to start the server again.

mod fault;
mod keeper;
mod power;
mod strace;
mod trace;
mod witness;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

use super::client::{Client, Faults};
use super::confined::SmallDisk;
use super::figures::{milliseconds, quantile, spread};
use super::kill::check::{self, Found};
use super::kill::journal::Life;
use super::people::{PASSWORD, registration, sign_in};
use super::stage::{self, CHEAP, PATIENCE, block_on};
use super::{Context, Drill, Findings, Part};
use crate::place::Place;
use crate::process;
use crate::server::{self, Server};
use fault::Fault;
use keeper::{Keeper, Kept};
use witness::Seen;
use writer::Written;

pub const DRILL: Drill = Drill {
    name: "disk",
    about: "SQLite on a disk that is full or fails, and what is on it before an answer leaves",
    parts: &[
        Part { about: "a full disk", run: full },
        Part { about: "a disk that fails", run: failing },
        Part { about: "what is on the disk when an answer leaves", run: power::run },
    ],
};

const WRITERS: usize = 6;
const KEEPERS: usize = 2;
const OVERSEER: &str = "overseer@example.com";
/// Tokens outlive the drill, so that one that is refused was ended.
const ACCESS: (&str, &str) = ("APP_AUTH__ACCESS_TTL", "2h");
const DISK_MIB: usize = 256;
/// How long after the end of a fault something may still be refused.
const RECOVERY: Duration = Duration::from_secs(5);

/// The server under drill, and where its database is for us.
struct Ground<'a> {
    program: PathBuf,
    place: Place,
    file: PathBuf,
    /// Where the file is, unless that is where we are.
    disk: Option<&'a SmallDisk>,
    /// Of servers that have nothing to fail at.
    faults: Faults,
}

/// What all rounds came to.
#[derive(Default)]
struct Tally {
    written: Written,
    seen: Seen,
    kept: Kept,
    found: Found,
    recoveries: Vec<f64>,
}

fn full(context: &Context) -> Result<Findings> {
    let binary = server::build(context.profile)?;
    let settings = [CHEAP, &[ACCESS]].concat();
    let place = empty(&settings)?.with("APP_DATABASE__URL", &SmallDisk::url());
    let Some(disk) = SmallDisk::mount(&binary, &place, DISK_MIB)? else {
        return Ok(not_shown("nobody here may mount a disk"));
    };
    let ground = Ground::prepare(disk.program.clone(), place, SmallDisk::file(), Some(&disk))?;
    let rounds = if context.short { 2 } else { 60 };
    rounds_of(context, &ground, rounds, |_| Fault::Full(&disk))
}

fn failing(context: &Context) -> Result<Findings> {
    let binary = server::build(context.profile)?;
    let place = empty(&[CHEAP, &[ACCESS]].concat())?;
    let file = place.folder().join("data/stead.db");
    let ground = Ground::prepare(binary, place, file, None)?;
    let trace = ground.place.folder().join("trace");
    let server = ground.start()?;
    if let Some(why) = strace::obstacle(server.pid(), &trace)? {
        return Ok(not_shown(&why));
    }
    server.stop(PATIENCE)?;
    let rounds = if context.short { 2 } else { 60 };
    rounds_of(context, &ground, rounds, |round| Fault::failing(round, &ground.file, &trace))
}

/// Says aloud that a part does not run here.
fn not_shown(why: &str) -> Findings {
    println!("NOT SHOWN: {why}");
    Findings::skipped(why)
}

fn empty(settings: &[(&str, &str)]) -> Result<Place> {
    let common = stage::COMMON.iter().chain(settings);
    Ok(common.fold(Place::sqlite()?, |place, (name, value)| place.with(name, value)))
}

impl<'a> Ground<'a> {
    fn prepare(program: PathBuf, place: Place, file: PathBuf, disk: Option<&'a SmallDisk>) -> Result<Self> {
        process::output(place.command(&program).args(["migrate", "up"]))?;
        stage::create(&program, &place, OVERSEER, PASSWORD, "admin")?;
        Ok(Self { program, place, file, disk, faults: Faults::default() })
    }

    fn start(&self) -> Result<Server> {
        let mut server = Server::start(&self.program, &self.place)?;
        server.wait_for("/health/ready", PATIENCE)?;
        Ok(server)
    }

    /// What was acknowledged is asked for, and SQLite looks through the file.
    async fn check(&self, server: &Server, round: &mut Round, tally: &mut Tally) -> Result<()> {
        let client = Client::new(server.url(), &self.faults)?;
        check_lives(&client, &mut round.lives, &mut tally.found).await?;
        for keeper in &mut round.keepers {
            keeper.check(&client, &mut tally.kept).await?;
        }
        let python = self.disk.map_or_else(|| process::command("python3"), |disk| disk.command("python3"));
        let verdict = block_in_place(|| check::integrity_by(python, &self.file))?;
        ensure!(verdict == "ok", "integrity_check: {verdict}");
        Ok(())
    }
}

async fn check_lives(client: &Client, lives: &mut Vec<Life>, found: &mut Found) -> Result<()> {
    let admin = sign_in(client, OVERSEER, PASSWORD).await?.tokens.access;
    for life in lives.iter_mut() {
        check::check(client, &admin, life, found).await?;
    }
    // Those whose registration was refused.
    lives.retain(|life| !life.id.is_empty());
    Ok(())
}

/// What is left of a round, to be asked for.
struct Round {
    lives: Vec<Life>,
    keepers: Vec<Keeper>,
}

fn rounds_of<'a>(
    context: &Context,
    ground: &Ground<'_>,
    rounds: usize,
    fault: impl Fn(usize) -> Fault<'a>,
) -> Result<Findings> {
    let mut findings = Findings::default();
    let (mut tally, mut lives) = (Tally::default(), Vec::new());
    for number in 0..rounds {
        let random = StdRng::seed_from_u64(context.seed.wrapping_add(number as u64));
        let server = ground.start()?;
        let refused = tally.written.refused;
        let mut round = block_on(round(ground, server, number, random, fault(number), &mut tally))?;
        let what = format!("round {number}: the fault refused nothing");
        findings.promise(tally.written.refused > refused, what);
        // A kill ends each: what is read from memory is not yet on the disk.
        let server = ground.start()?;
        block_on(ground.check(&server, &mut round, &mut tally))?;
        server.stop(PATIENCE)?;
        lives.append(&mut round.lives);
    }
    // Once more, all of them: a later fault takes nothing of what an earlier one left.
    let server = ground.start()?;
    let client = Client::new(server.url(), &ground.faults)?;
    block_on(check_lives(&client, &mut lives, &mut tally.found))?;
    server.stop(PATIENCE)?;
    findings.figure("rounds", rounds);
    tally.conclude(&mut findings);
    stage::note_faults(&ground.faults, &mut findings);
    Ok(findings)
}

/// The fault comes and goes under load. In every other round the server is killed while it lasts; in the
/// others it has to come back by itself, and is killed then.
async fn round(
    ground: &Ground<'_>,
    server: Server,
    number: usize,
    mut random: StdRng,
    mut fault: Fault<'_>,
    tally: &mut Tally,
) -> Result<Round> {
    let client = Client::new(server.url(), &Faults::default())?;
    let admin = sign_in(&client, OVERSEER, PASSWORD).await?.tokens.access;
    let is_over = Arc::new(AtomicBool::new(false));
    let (mut writers, mut keepers) = (JoinSet::new(), JoinSet::new());
    for writer in 0..WRITERS {
        let name = format!("life-{number}-{writer}");
        let random = StdRng::seed_from_u64(random.random());
        writers.spawn(writer::write(client.clone(), admin.clone(), name, random, is_over.clone()));
    }
    for keeper in 0..KEEPERS {
        let keeper = Keeper::join(&client, &format!("keeper-{number}-{keeper}@example.com")).await?;
        keepers.spawn(keeper.keep(is_over.clone()));
    }
    let witness = tokio::spawn(witness::watch(client.clone(), admin, is_over.clone()));
    sleep(Duration::from_millis(random.random_range(200..500))).await;
    block_in_place(|| fault.begin(&server))?;
    sleep(Duration::from_millis(random.random_range(1500..3000))).await;
    let is_killed_within = number % 2 == 1;
    if !is_killed_within {
        block_in_place(|| fault.end())?;
        tally.recoveries.push(recovery(&client, number).await?);
        sleep(Duration::from_millis(300)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    let mut server = Some(server);
    if is_killed_within {
        server.take().map(Server::kill).transpose()?;
        block_in_place(|| fault.end_with_process())?;
    }
    let mut round = Round { lives: Vec::new(), keepers: Vec::new() };
    while let Some(written) = writers.join_next().await {
        let mut written = written??;
        round.lives.append(&mut written.lives);
        tally.written.add(written);
    }
    while let Some(keeper) = keepers.join_next().await {
        let mut keeper = keeper??;
        tally.written.add(std::mem::take(&mut keeper.told));
        round.keepers.push(keeper);
    }
    tally.seen.add(witness.await??);
    if let Some(server) = server {
        ground.check(&server, &mut round, tally).await?;
        server.kill()?;
    }
    Ok(round)
}

/// Registers somebody until that succeeds, and gives the time it took, in milliseconds.
async fn recovery(client: &Client, number: usize) -> Result<f64> {
    let begun = Instant::now();
    let call = registration(&format!("back-{number}@example.com"), PASSWORD);
    while client.send(call.clone()).await?.status != 201 {
        ensure!(begun.elapsed() < RECOVERY * 4, "still refused {:?} after the fault", begun.elapsed());
        sleep(Duration::from_millis(10)).await;
    }
    Ok(milliseconds(begun.elapsed()))
}

impl Tally {
    fn conclude(mut self, findings: &mut Findings) {
        self.found.note(findings);
        findings.figure("acknowledged", self.written.acknowledged);
        findings.figure("refused", self.written.refused);
        findings.figure("notes", self.kept.notes);
        findings.figure("notes_asked_for_again", self.kept.retried);
        findings.figure("reads", self.seen.reads);
        findings.figure("not_ready", self.seen.not_ready);
        self.seen.took.sort_by(f64::total_cmp);
        findings.figure("read_ms_p99", quantile(&self.seen.took, 0.99));
        for (what, times) in self.written.wrong.iter().chain(&self.seen.wrong) {
            findings.promise(false, format!("{what}, {times} times"));
        }
        for (name, list) in [("notes_lost", &self.kept.lost), ("notes_twice", &self.kept.twice)] {
            findings.figure(name, list.len());
            for what in list.iter().take(5) {
                findings.promise(false, format!("{name}: {what}"));
            }
        }
        findings.promise(self.kept.retried > 0, "no note was refused at first");
        let slowest = self.recoveries.iter().copied().fold(0.0, f64::max);
        spread(findings, "recovery_ms", self.recoveries);
        let what = format!("{slowest} ms from the end of a fault until something is written");
        findings.promise(slowest <= milliseconds(RECOVERY), what);
    }
}
