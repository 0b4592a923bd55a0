//! The pages that people see, in a real browser.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::outcome::Outcome;
use crate::place::Place;
use crate::process;
use crate::server::{self, Profile, Server};

const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse battery staple";

/// `tests/browser/` against a server of its own; the screenshots stay in `target/page/`.
pub fn run() -> Result<Outcome> {
    let binary = server::build(Profile::Dev)?;
    let place = Place::sqlite()?;
    process::output(place.command(&binary).args(["migrate", "up"]))?;
    let people = json!({
        "user": person(&binary, &place, "ada@example.com", "Ada Lovelace", "user")?,
        "admin": person(&binary, &place, "grace@example.com", "Grace Hopper", "admin")?,
        "newcomer": { "email": "mary@example.com", "password": PASSWORD },
    });
    let pictures = process::root().join("target/page");
    // Those of an earlier run that failed would tell of it still.
    if pictures.exists() {
        fs::remove_dir_all(&pictures)?;
    }
    fs::create_dir_all(&pictures)?;

    // Every sign-in of the browser comes from one address.
    let mut server = Server::start_with(&binary, &place, &[("APP_RATE_LIMIT__ENABLED", "false")])?;
    server.wait_for("/health/ready", PATIENCE)?;
    let mut browse = process::command("node");
    browse.arg("tests/browser/run.mjs").arg(server.url()).arg(&pictures);
    process::feed(&mut browse, &people.to_string())?;
    server.stop(PATIENCE)?;
    println!("  the pictures are in {}", pictures.display());
    Ok(Outcome::Passed)
}

/// Makes an account as an operator does, and gives what the browser has to know of it.
fn person(binary: &Path, place: &Place, email: &str, name: &str, role: &str) -> Result<Value> {
    let mut create = place.command(binary);
    create.args(["user", "create", email, "--display-name", name, "--role", role, "--password-stdin"]);
    process::feed(&mut create, PASSWORD)?;
    Ok(json!({ "email": email, "name": name, "password": PASSWORD }))
}
