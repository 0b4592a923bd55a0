//! schemathesis, which reads the server's OpenAPI document and asks whatever that allows and forbids.
//! Who asks, and what is no finding, is in `scripts/schemathesis_hooks.py`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::place::Place;
use crate::process;
use crate::server::Server;

/// As in the hooks.
const PASSWORD: &str = "correct horse battery staple";
/// Those with whose tokens it asks, and what they are made with.
const CALLERS: [(&str, &[&str]); 2] =
    [("user", &["ada@example.com"]), ("admin", &["grace@example.com", "--role", "admin"])];
const PATIENCE: Duration = Duration::from_secs(60);

/// How much is asked.
pub struct Effort {
    /// Cases for each operation and phase.
    pub examples: u32,
    pub seed: u64,
}

/// What came of the questions of one caller.
pub struct Outcome {
    pub caller: &'static str,
    pub cases: u64,
    /// Failures and errors; what they are is on the terminal.
    pub findings: u64,
}

/// Tests a server in this place with a user's token and with an admin's.
pub fn test(binary: &Path, place: Place, effort: &Effort) -> Result<Vec<Outcome>> {
    // It asks more in a second than a person does in a minute.
    let place = place.with("APP_RATE_LIMIT__ENABLED", "false");
    let mut server = Server::start(binary, &place)?;
    server.wait_for("/health/ready", PATIENCE)?;
    let mut outcomes = Vec::new();
    for (caller, account) in CALLERS {
        let mut create = place.command(binary);
        create.args(["user", "create", "--password-stdin"]).args(account);
        process::feed(&mut create, PASSWORD)?;
        println!("with the token of: {caller}, on {}", place.name);
        let report = ask(&server, &place, account[0], effort)?;
        let count = |of: &Value| of.as_u64().with_context(|| format!("not a report: {report}"));
        let (operations, cases) = (&report["operations"], &report["test_cases"]);
        ensure!(operations["tested"] == operations["total"], "not all operations were tested: {operations}");
        let findings = count(&cases["unique_failures"])? + count(&cases["errored"])?;
        outcomes.push(Outcome { caller, cases: count(&cases["generated"])?, findings });
    }
    server.stop(PATIENCE)?;
    Ok(outcomes)
}

/// Its report.
fn ask(server: &Server, place: &Place, email: &str, effort: &Effort) -> Result<Value> {
    let report = place.folder().join("report.json");
    let mut tool = process::command("schemathesis");
    tool.current_dir(place.folder()).env("PYTHONPATH", process::root().join("scripts"));
    tool.env("SCHEMATHESIS_HOOKS", "schemathesis_hooks").env("PYTHONDONTWRITEBYTECODE", "1");
    tool.env("STEAD_EMAIL", email);
    tool.args(["run", &format!("{}/openapi.json", server.url()), "--no-color", "--continue-on-failure"]);
    tool.args(["--max-examples", &effort.examples.to_string(), "--seed", &effort.seed.to_string()]);
    // A user may not list users: that this is all 403 is no news. And no run knows of another.
    tool.args(["--warnings", "off", "--generation-database", "none"]);
    tool.args(["--report", "json", "--report-json-path"]).arg(&report);
    // It fails on findings; whoever asked for the report judges them.
    let ended = process::run(&mut tool);
    let Ok(text) = fs::read_to_string(&report) else { return Err(ended.err().context("no report")?) };
    Ok(serde_json::from_str(&text)?)
}
