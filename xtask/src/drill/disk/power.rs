//! A power failure takes what was not synced. So no answer may leave before the commit that it tells of was
//! synced: strace watches the system calls of a server that is written to.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

use super::strace::{Strace, obstacle};
use super::trace::Trace;
use super::writer::{self, Written};
use super::{ACCESS, Ground, OVERSEER, WRITERS, empty, not_shown};
use crate::drill::client::Client;
use crate::drill::people::{PASSWORD, sign_in};
use crate::drill::stage::{self, CHEAP, PATIENCE, block_on};
use crate::drill::{Context, Findings};
use crate::server::{self, Server};

const CALLS: &str = "trace=pwrite64,fsync,fdatasync,sendto,writev,sendmsg";
/// Whole pages, and the paths of files; in hexadecimal, so that nothing is mistaken for something else.
const WHOLE: &[&str] = &["-y", "-xx", "-s", "8192", "-e", CALLS];
/// A kernel that says that it has synced, and has not.
const FEIGNED: &[&str] = &["-e", "inject=fsync,fdatasync:retval=0"];

pub fn run(context: &Context) -> Result<Findings> {
    let binary = server::build(context.profile)?;
    let place = empty(&[CHEAP, &[ACCESS]].concat())?;
    let file = place.folder().join("data/stead.db");
    let ground = Ground::prepare(binary, place, file, None)?;
    let trace = ground.place.folder().join("trace");
    let server = ground.start()?;
    if let Some(why) = obstacle(server.pid(), &trace)? {
        return Ok(not_shown(&why));
    }
    let mut findings = Findings::default();
    let rounds = if context.short { 1 } else { 20 };
    let (mut commits, mut syncs, mut answers, mut early) = (0, 0, 0, Vec::new());
    for round in 0..rounds {
        let seen = watched(context, &ground, &server, &trace, round, WHOLE)?;
        let what = format!("{} answers tell of an event, and {} were found", seen.events, seen.answers);
        findings.promise(seen.events > 0 && seen.events == seen.answers as u64, what);
        commits += seen.commits;
        syncs += seen.syncs;
        answers += seen.answers;
        early.extend(seen.early);
    }
    findings.figure("commits", commits);
    findings.figure("syncs", syncs);
    findings.figure("answers", answers);
    findings.figure("early", early.len());
    for id in early.iter().take(5) {
        findings.promise(false, format!("the answer to {id} left before its commit was on the disk"));
    }
    // Were it otherwise, it would show.
    let feigned = watched(context, &ground, &server, &trace, rounds, &[WHOLE, FEIGNED].concat())?;
    findings.figure("early_if_syncs_are_feigned", feigned.early.len());
    let what = "syncs that were feigned passed for real ones";
    findings.promise(feigned.answers > 0 && feigned.early.len() == feigned.answers, what);
    server.stop(PATIENCE)?;
    stage::note_faults(&ground.faults, &mut findings);
    Ok(findings)
}

/// What was seen of one round.
struct Watched {
    /// Acts that were acknowledged and have a row in the audit log.
    events: u64,
    commits: usize,
    syncs: u64,
    answers: usize,
    early: Vec<String>,
}

fn watched(
    context: &Context,
    ground: &Ground<'_>,
    server: &Server,
    trace: &Path,
    round: u64,
    arguments: &[&str],
) -> Result<Watched> {
    let client = Client::new(server.url(), &ground.faults)?;
    let seconds = if context.short { 1 } else { 3 };
    let written = block_on(async {
        let admin = sign_in(&client, OVERSEER, PASSWORD).await?.tokens.access;
        let attached = block_in_place(|| Strace::attach(server.pid(), arguments, trace))?;
        let strace = attached.map_err(|why| anyhow!(why))?;
        let written = write(context, &client, &admin, round, Duration::from_secs(seconds)).await?;
        block_in_place(|| strace.detach())?;
        Ok(written)
    })?;
    let trace = Trace::read(BufReader::new(File::open(trace)?))?;
    let verdict = trace.judge()?;
    let events = written.lives.iter().flat_map(|life| life.audit.values()).sum();
    let (commits, answers, early) = (verdict.commits, verdict.answers, verdict.early);
    Ok(Watched { events, commits, syncs: trace.syncs, answers, early })
}

async fn write(
    context: &Context,
    client: &Client,
    admin: &str,
    round: u64,
    time: Duration,
) -> Result<Written> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS as u64 {
        let name = format!("life-{round}-{writer}");
        let random = StdRng::seed_from_u64(context.seed.wrapping_add(round * WRITERS as u64 + writer));
        writers.spawn(writer::write(client.clone(), admin.to_owned(), name, random, is_over.clone()));
    }
    sleep(time).await;
    is_over.store(true, Ordering::Relaxed);
    let mut all = Written::default();
    while let Some(written) = writers.join_next().await {
        all.add(written??);
    }
    Ok(all)
}
