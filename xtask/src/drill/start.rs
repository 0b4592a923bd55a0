//! How fast the server is there, and what it weighs when nobody asks anything of it.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::figures::{milliseconds, spread};
use super::{Context, Drill, Findings, Part};
use crate::curl::Call;
use crate::place::Place;
use crate::server::{self, Profile, Server};

pub const DRILL: Drill = Drill {
    name: "start",
    about: "time from start to the first answer, and memory at rest",
    parts: &[
        Part { about: "on an existing SQLite database", run: on_sqlite },
        Part { about: "on an existing PostgreSQL database", run: on_postgres },
    ],
};

const STARTS: usize = 20;
const SIGN_INS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// A restart that nobody notices.
const START_LIMIT_MS: f64 = 100.0;
/// What fits beside others on the smallest machine that is rented out.
const REST_LIMIT_KIB: f64 = 30.0 * 1024.0;

fn on_sqlite(context: &Context) -> Result<Findings> {
    measure(context, &server::build(context.profile)?, &Place::sqlite()?)
}

fn on_postgres(context: &Context) -> Result<Findings> {
    let binary = server::build(context.profile)?;
    match super::postgres(context, &binary)? {
        Some(place) => measure(context, &binary, &place),
        None => Ok(Findings::skipped("no PostgreSQL")),
    }
}

fn measure(context: &Context, binary: &Path, place: &Place) -> Result<Findings> {
    let mut findings = Findings::default();
    // The first start makes what is not there: tables, keys, the first admin.
    let mut first = Server::start(binary, place)?;
    findings.figure("first_start_ms", milliseconds(first.wait_for("/health/live", PATIENCE)?));
    first.stop(PATIENCE)?;

    let (mut starts, mut stops, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if context.short { 3 } else { STARTS } {
        let mut server = Server::start(binary, place)?;
        starts.push(milliseconds(server.wait_for("/health/live", PATIENCE)?));
        // What the start needed and gave back is not what it weighs at rest.
        sleep(Duration::from_millis(500));
        rest.push(resident(&server)?);
        stops.push(milliseconds(server.stop(PATIENCE)?));
    }
    findings.figure("starts", starts.len());
    let start = spread(&mut findings, "start_ms", starts);
    spread(&mut findings, "stop_ms", stops);
    let rest = spread(&mut findings, "rest_rss_kib", rest);
    let worked = after_sign_ins(context, binary, place)?;
    findings.figure("after_sign_ins_rss_kib", worked);

    // On a machine of CI, and without optimisation, times say nothing; there it is enough to have run.
    if !context.short && context.profile == Profile::Release {
        findings
            .promise(start <= START_LIMIT_MS, format!("p95 of a start is {start} ms, over {START_LIMIT_MS}"));
        let rest = rest.max(worked);
        findings
            .promise(rest <= REST_LIMIT_KIB, format!("at rest it holds {rest} KiB, over {REST_LIMIT_KIB}"));
    }
    Ok(findings)
}

/// What it weighs when it has done some work, each piece of which needs 19 MiB, and rests again.
fn after_sign_ins(context: &Context, binary: &Path, place: &Place) -> Result<f64> {
    let mut server = Server::start(binary, place)?;
    server.wait_for("/health/ready", PATIENCE)?;
    let person = json!({ "email": "ada@example.com", "password": "correct horse battery staple" });
    let post = |path| Call::to("POST", path).with(&person).send(&server.url());
    let registered = post("/api/v1/auth/register")?.status;
    ensure!(registered == 201, "nobody can register: {registered}");
    for _ in 0..if context.short { 2 } else { SIGN_INS } {
        let signed_in = post("/api/v1/auth/login")?.status;
        ensure!(signed_in == 200, "nobody can sign in: {signed_in}");
    }
    sleep(Duration::from_secs(if context.short { 1 } else { 15 }));
    let weight = resident(&server)?;
    server.stop(PATIENCE)?;
    Ok(weight)
}

fn resident(server: &Server) -> Result<f64> {
    Ok(f64::from(u32::try_from(server.resident_kib()?)?))
}
