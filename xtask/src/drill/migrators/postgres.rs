//! On PostgreSQL a migrator is stopped at each of its messages, and killed while the others wait for it.

use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;

use super::wire::{Held, Wire};
use super::{finish, moments, start};
use crate::drill::{Context, Findings};
use crate::place::Place;
use crate::{postgres, process, server};

/// Time for the others to come to where they wait.
const HEAD_START: Duration = Duration::from_millis(100);

pub fn run(context: &Context) -> Result<Findings> {
    if let Some(program) = ["psql", "pg_dump"].into_iter().find(|program| process::find(program).is_none()) {
        println!("NOT SHOWN: {program} is not installed");
        return Ok(Findings::skipped(&format!("{program} is not installed")));
    }
    let binary = server::build(context.profile)?;
    let Some(whole) = empty()? else { return Ok(Findings::skipped("no PostgreSQL")) };
    let mut findings = Findings::default();
    let all = finish(start(&binary, &whole, 5)?)?;
    let reference = schema(&whole)?;
    let messages = counted(&binary)?;
    findings.figure("messages", messages);
    findings.figure("migrations", all);
    let (mut kills, mut left) = (0, 0);
    for held in [Held::Before, Held::After] {
        for number in moments(messages, context.short) {
            let place = empty()?.context("there was PostgreSQL")?;
            let wire = Wire::to(upstream(&place)?, number, held)?;
            let mut victim = start_over(&binary, &place, &wire)?;
            wire.reached
                .recv_timeout(Duration::from_secs(30))
                .with_context(|| format!("message {number}"))?;
            let others = start(&binary, &place, 4)?;
            sleep(HEAD_START);
            victim.kill()?;
            victim.wait()?;
            wire.cut();
            let applied = finish(others)?;
            let what = format!("{held:?} message {number}");
            findings.promise(applied <= all, format!("{what}: {applied} were applied, of {all}"));
            findings.promise(schema(&place)? == reference, format!("{what}: another schema"));
            drop_database(&whole, &place)?;
            (kills, left) = (kills + 1, left + applied);
        }
    }
    findings.figure("kills", kills);
    findings.figure("left_for_the_others", left);
    Ok(findings)
}

/// A database that is not there yet.
fn empty() -> Result<Option<Place>> {
    let Some(url) = postgres::fresh_url()? else { return Ok(None) };
    Ok(Some(Place::sqlite()?.with("APP_DATABASE__URL", &url)))
}

fn url(place: &Place) -> Result<Url> {
    Ok(Url::parse(place.variable("APP_DATABASE__URL").context("no database")?)?)
}

fn upstream(place: &Place) -> Result<String> {
    let url = url(place)?;
    Ok(format!("{}:{}", url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(5432)))
}

/// A migrator whose way leads over the wire, in clear text.
fn start_over(binary: &Path, place: &Place, wire: &Wire) -> Result<Child> {
    let mut url = url(place)?;
    url.set_host(Some("127.0.0.1"))?;
    url.set_port(Some(wire.address.port())).ok().context("an address without a port")?;
    url.query_pairs_mut().append_pair("sslmode", "disable");
    let led = Place::sqlite()?.with("APP_DATABASE__URL", url.as_str());
    start(binary, &led, 1)?.pop().context("there is one")
}

/// How many messages an undisturbed migrator has for PostgreSQL.
fn counted(binary: &Path) -> Result<usize> {
    let place = empty()?.context("there was PostgreSQL")?;
    let wire = Wire::to(upstream(&place)?, usize::MAX, Held::Before)?;
    finish(vec![start_over(binary, &place, &wire)?])?;
    Ok(wire.said())
}

/// All that PostgreSQL says of it, and which migrations it has.
fn schema(place: &Place) -> Result<String> {
    let url = url(place)?;
    let dump =
        process::output(process::command("pg_dump").args(["--schema-only", "--no-owner", url.as_str()]))?;
    // Newer ones bracket a dump by a random word.
    let lines = dump.lines().filter(|line| !line.starts_with('\\'));
    let applied = "select version, name, label, checksum from schema_migrations order by 1";
    let psql = ["--no-psqlrc", "--tuples-only", "--command", applied, url.as_str()];
    let applied = process::output(process::command("psql").args(psql))?;
    ensure!(!applied.is_empty(), "no migration is applied");
    Ok(lines.chain(applied.lines()).collect::<Vec<_>>().join("\n"))
}

/// Hundreds of them take room.
fn drop_database(beside: &Place, place: &Place) -> Result<()> {
    let (server, gone) = (url(beside)?, url(place)?);
    let order = format!("drop database \"{}\" with (force)", gone.path().trim_start_matches('/'));
    let psql = ["--no-psqlrc", "--quiet", "--command", &order, server.as_str()];
    process::output(process::command("psql").args(psql)).map(drop)
}
