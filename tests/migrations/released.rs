//! Each released version: its schema with its data, as `cargo xtask fixture` wrote it down, is taken forward
//! to the schema of today, and people go on where they were.

mod client;
mod dump;
mod life;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use stead::app::{Nature, build};
use stead::base::clock::Clock;
use stead::base::random::Random;
use stead::db::Driver;
use stead::db::migrate::embedded;

use self::client::Client;
use self::life::Left;
use crate::database::{Database, empty, on_both};
use crate::{refusals, rows};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The release is new, and so are the links in mails.
const LATER: Duration = Duration::from_secs(600);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrations/released")
}

fn file(version: &str, driver: Driver) -> PathBuf {
    let name = if driver == Driver::Sqlite { "sqlite.sql" } else { "postgres.sql" };
    folder().join(version).join(name)
}

/// The versions that were written down.
fn versions() -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The server on a database, on a day of its life.
async fn server(database: &Database, clock: Clock, seed: u64) -> Client {
    let nature = Nature { clock, random: Random::seeded(seed) };
    let app = build(refusals::config(database), nature).await.unwrap_or_else(|error| panic!("{error}"));
    Client { app }
}

/// Writes down the version that this is. Not a test: `cargo xtask fixture` runs it, once all is as it
/// will be released.
#[tokio::test]
#[ignore = "it writes files: cargo xtask fixture"]
async fn written_down() {
    for driver in [Driver::Sqlite, Driver::Postgres] {
        let database = empty(driver).await.expect("what is released runs on both databases");
        database.apply(&embedded(driver)).await;
        let clock = Clock::manual(life::BEGUN.parse().unwrap());
        let left = life::lived(&server(&database, clock, 7).await).await;
        let file = file(VERSION, driver);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, dump::of(&database, &left).await).unwrap();
    }
}

on_both! {
    async fn people_of_each_released_version_go_on_with_this_one(database) {
        // One database for each: the first is the one that is given.
        let mut given = Some(database);
        let driver = given.as_ref().unwrap().driver();
        for version in versions() {
            let database = match given.take() {
                Some(database) => database,
                None => empty(driver).await.unwrap(),
            };
            let text = fs::read_to_string(file(&version, driver)).unwrap();
            let mut connection = database.connect().await;
            connection.execute(&text).await.unwrap_or_else(|error| panic!("{version}: {error}"));
            let before = crate::schema::read(&mut connection).await;
            let kept = rows::read(&mut connection, &before).await;
            assert!(kept.len() >= 18 && kept.values().all(|rows| !rows.is_empty()), "{version}: {kept:?}");

            database.apply(&embedded(driver)).await;
            let now = rows::read(&mut connection, &before).await;
            for (table, rows) in now {
                assert_eq!(rows, kept[&table], "{version}: {table}");
            }
            let left = Left::read(&text);
            let clock = Clock::manual(left.at.plus(LATER));
            life::goes_on(&server(&database, clock, 8).await, &left).await;
        }
    }
}

/// What Git says here; nothing where this is no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn each_version_that_is_released_is_written_down_whole() {
    let written = versions();
    for version in &written {
        for driver in [Driver::Sqlite, Driver::Postgres] {
            assert!(file(version, driver).is_file(), "{version} is written down by half");
        }
    }
    let remedy = "run `cargo xtask fixture` before it is released, and commit what it writes";
    // A pre-release is on its way to a version.
    let is_on_its_way = VERSION.contains('-');
    assert!(is_on_its_way || written.contains(VERSION), "{VERSION} is not written down: {remedy}");
    for tag in git(&["tag", "--list", "v[0-9]*"]).unwrap_or_default().lines() {
        let version = &tag[1..];
        if version.contains('-') {
            continue;
        }
        assert!(written.contains(version), "{tag} is released and not written down: {remedy}");
        let released = git(&["ls-tree", "--name-only", tag, "migrations/sqlite/"]).unwrap_or_default();
        let released = released.lines().filter(|file| file.ends_with(".up.sql")).count();
        let text = fs::read_to_string(file(version, Driver::Sqlite)).unwrap();
        let applied = text.lines().filter(|line| line.starts_with(dump::APPLIED)).count();
        assert_eq!(applied, released, "{tag} had other migrations when it was written down: {remedy}");
    }
}
