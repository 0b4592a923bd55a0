//! On SQLite a migrator is killed at each call that writes or syncs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{UP, finish, moments, start};
use crate::drill::{Context, Findings};
use crate::place::Place;
use crate::{process, server};

const CALLS: [&str; 3] = ["pwrite64", "fsync", "ftruncate"];
const KILLED: i32 = 9;

pub fn run(context: &Context) -> Result<Findings> {
    let Some(strace) = process::find("strace") else {
        println!("NOT SHOWN: strace is not installed");
        return Ok(Findings::skipped("strace is not installed"));
    };
    let binary = server::build(context.profile)?;
    let mut findings = Findings::default();
    let whole = Place::sqlite()?;
    let all = finish(start(&binary, &whole, 5)?)?;
    let reference = schema(&whole)?;
    let calls = counted(&strace, &binary)?;
    let (mut kills, mut left, mut not_reached) = (0, 0, 0);
    for (call, count) in CALLS.into_iter().zip(calls) {
        findings.figure(call, count);
        for number in moments(count, context.short) {
            let place = Place::sqlite()?;
            let kill = format!("inject={call}:signal=SIGKILL:when={number}");
            let ended = traced(&strace, &binary, &place, &["-e", &kill]).status()?;
            let is_killed = ended.signal() == Some(KILLED) || ended.code() == Some(128 + KILLED);
            ensure!(is_killed || ended.success(), "{call} {number}: the migrator ended with {ended}");
            // Two runs differ by a page or two, and so the last moments may not come.
            not_reached += usize::from(!is_killed);
            let applied = finish(start(&binary, &place, 5)?)?;
            findings.promise(applied <= all, format!("{call} {number}: {applied} were applied, of {all}"));
            let is_whole = schema(&place)? == reference;
            findings.promise(is_whole, format!("{call} {number}: another schema"));
            (kills, left) = (kills + usize::from(is_killed), left + applied);
        }
    }
    findings.figure("kills", kills);
    findings.promise(not_reached <= 5, format!("{not_reached} moments did not come"));
    findings.figure("migrations", all);
    findings.figure("left_for_the_others", left);
    Ok(findings)
}

fn traced(strace: &Path, binary: &Path, place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(strace);
    let trace = format!("trace={}", CALLS.join(","));
    command.args(["-f", "-o", "trace", "-e", &trace]).args(arguments).arg(binary).args(UP);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// How often an undisturbed migrator makes each call in one thread: strace counts for each.
fn counted(strace: &Path, binary: &Path) -> Result<[usize; 3]> {
    let place = Place::sqlite()?;
    let ended = traced(strace, binary, &place, &[]).status()?;
    ensure!(ended.success(), "strace ended with {ended}");
    let trace = fs::read_to_string(place.folder().join("trace"))?;
    let mut calls: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let name = call.trim_start().split('(').next().unwrap_or_default();
        *calls.entry((name, thread)).or_default() += 1;
    }
    let most = |call| calls.iter().filter(|((name, _), _)| *name == call).map(|(_, count)| *count).max();
    Ok(CALLS.map(|call| most(call).unwrap_or_default()))
}

/// All that SQLite says of it, and which migrations it has.
fn schema(place: &Place) -> Result<String> {
    const SCRIPT: &str = "import sqlite3, sys\n\
        database = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n\
        for query in ['pragma integrity_check', 'pragma foreign_key_check',\n\
        \x20   'select type, name, tbl_name, sql from sqlite_master order by 1, 2',\n\
        \x20   'select version, name, label, checksum from schema_migrations order by 1']:\n\
        \x20   print(*database.execute(query), sep='\\n')";
    let file = place.folder().join("data/stead.db");
    let file = file.to_str().context("not a name that Python can take")?;
    process::output(process::command("python3").args(["-c", SCRIPT, file]))
}
