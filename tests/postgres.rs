//! Tests of the tests' own PostgreSQL: `tests/api/harness/postgres/`.

#[cfg(test)]
#[path = "api/harness/postgres/mod.rs"]
mod postgres;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row};

static MIGRATIONS: AtomicU32 = AtomicU32::new(0);

async fn migrate(url: String) -> sqlx::Result<()> {
    MIGRATIONS.fetch_add(1, Ordering::Relaxed);
    let mut connection = PgConnection::connect(&url).await?;
    connection.execute("CREATE TABLE thing (name text NOT NULL)").await?;
    connection.close().await
}

async fn things(connection: &mut PgConnection) -> sqlx::Result<i64> {
    connection.fetch_one("SELECT count(*) FROM thing").await?.try_get(0)
}

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (Some(one), Some(two)) =
        (postgres::fresh_database(migrate).await, postgres::fresh_database(migrate).await)
    else {
        return;
    };
    let mut first = PgConnection::connect(one.url()).await.unwrap();
    let mut second = PgConnection::connect(two.url()).await.unwrap();
    first.execute("INSERT INTO thing VALUES ('only here')").await.unwrap();
    assert_eq!(things(&mut first).await.unwrap(), 1);
    assert_eq!(things(&mut second).await.unwrap(), 0);
    assert_eq!(MIGRATIONS.load(Ordering::Relaxed), 1, "the template is migrated once");
}

#[tokio::test]
async fn a_database_is_gone_when_its_test_is_over_even_with_connections_open() {
    let Some(database) = postgres::fresh_database(migrate).await else { return };
    let url = database.url().to_owned();
    let mut left_open = PgConnection::connect(&url).await.unwrap();
    drop(database);
    assert!(left_open.execute("SELECT 1").await.is_err());
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn many_databases_can_be_made_at_once() {
    let copies = std::iter::repeat_with(|| postgres::fresh_database(migrate)).take(12);
    let databases = futures_util::future::join_all(copies).await;
    let names: std::collections::BTreeSet<_> =
        databases.iter().flatten().map(|one| one.url().to_owned()).collect();
    assert_eq!(names.len(), databases.iter().flatten().count());
}

/// Not a test of its own: the victim that the next test starts and kills.
#[tokio::test]
async fn victim() {
    if std::env::var_os("STEAD_TEST_VICTIM").is_none() {
        return;
    }
    postgres::count("sqlite");
    let database = postgres::fresh_database(migrate).await;
    let url = database.as_ref().map(|database| database.url()).unwrap_or_default();
    writeln!(std::io::stdout(), "victim: {url}").unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_killed_test_process_leaves_nothing_and_its_counts_are_still_told() {
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "victim", "--nocapture"]).env("STEAD_TEST_VICTIM", "1").env_remove("NEXTEST");
    let mut victim = victim.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let url = first_url(victim.stdout.as_mut().unwrap());
    victim.kill().unwrap();
    let pid = victim.id();
    // The guard holds stderr too, so the end of it is the end of the guard.
    let told = String::from_utf8(victim.wait_with_output().unwrap().stderr).unwrap();
    let Some(url) = url else {
        assert!(told.contains("ran on sqlite: 1, postgres: 0, skipped: 1"), "{told}");
        return;
    };
    assert!(told.contains("ran on sqlite: 1, postgres: 1, skipped: 0"), "{told}");
    assert!(PgConnection::connect(&url).await.is_err(), "the database is gone");
    for parent in [Path::new("/dev/shm"), &std::env::temp_dir()] {
        assert!(!parent.join(format!("stead-test-{pid}")).exists(), "its folder is gone");
    }
}

/// The URL that the victim prints, if it got a database.
fn first_url(output: &mut impl Read) -> Option<String> {
    let told = BufReader::new(output).lines().map_while(Result::ok);
    let line = told.filter_map(|line| line.split_once("victim: ").map(|(_, url)| url.to_owned())).next();
    line.filter(|url| !url.is_empty())
}
