//! The real program, several times at once.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use stead::db::migrate::embedded;
use tempfile::TempDir;

use crate::database::{empty, on_both};
use crate::{sample_data, schema};

/// `stead migrate …` on the database of this URL, with nothing else set.
pub fn migrate(url: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stead"));
    command.arg("migrate").args(arguments).current_dir(folder).env_clear().env("APP_DATABASE__URL", url);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_both! {
    async fn five_that_start_at_once_apply_each_migration_once(database) {
        let folder = TempDir::new().unwrap();
        let spawn = |_| migrate(&database.url, folder.path(), &["up"]).spawn().unwrap();
        let children: Vec<_> = (0..5).map(spawn).collect();
        let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let applied = |output: &Output| {
            assert!(output.status.success(), "{}", stderr(output));
            let text = stderr(output);
            let last = text.lines().last().and_then(|line| line.split(' ').next()).map(str::to_owned);
            let applied = last.unwrap().parse::<usize>().unwrap();
            let lines = text.lines().filter(|line| line.starts_with("applying ")).count();
            assert_eq!(lines, applied, "it tells of what it did itself: {text}");
            applied
        };
        let all = embedded(database.driver()).len();
        assert_eq!(outputs.iter().map(applied).sum::<usize>(), all, "together they apply each once");
        let mut connection = database.connect().await;
        assert_eq!(connection.applied().await, (1..=all).map(|n| n.to_string()).collect::<Vec<_>>());
        let whole = sample_data::reference(&database, all).await;
        assert_eq!(schema::read(&mut connection).await, whole);
    }
}

#[tokio::test]
async fn whoever_waited_for_another_says_so_and_not_that_it_applied_what_the_other_did() {
    let Some(database) = empty(stead::db::Driver::Postgres).await else { return };
    let all = embedded(database.driver());
    let (last, before) = all.split_last().unwrap();
    database.apply(before).await;
    let mut other = database.connect().await;
    other.execute("BEGIN; LOCK TABLE schema_migrations IN EXCLUSIVE MODE").await.unwrap();
    let folder = TempDir::new().unwrap();
    let child = migrate(&database.url, folder.path(), &["up"]).spawn().unwrap();
    let waits =
        "SELECT pid::text FROM pg_locks WHERE NOT granted AND relation = 'schema_migrations'::regclass";
    while database.connect().await.column(waits).await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let done = format!(
        "INSERT INTO schema_migrations VALUES ({}, '{}', 'expand', '{}', now()); COMMIT",
        last.version,
        last.name,
        last.checksum()
    );
    other.execute(&done).await.unwrap();
    let output = child.wait_with_output().unwrap();
    let said = stderr(&output);
    assert!(output.status.success() && !said.contains("applying"), "{said}");
    assert!(said.contains("waited for another") && said.contains("0 applied"), "{said}");
}

/// The URL of a database beside the test's own, which is not there.
fn absent(url: &str) -> String {
    format!("{url}_absent")
}

#[tokio::test]
async fn an_absent_database_is_made_when_asked_and_named_when_not() {
    let Some(database) = empty(stead::db::Driver::Postgres).await else { return };
    let folder = TempDir::new().unwrap();
    let url = absent(&database.url);
    let run = |arguments: &[&str]| migrate(&url, folder.path(), arguments).output().unwrap();
    let refused = run(&["up"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    assert!(
        said.contains("does not exist") && said.contains("`stead migrate up --create-database`"),
        "{said}"
    );

    let children =
        [(); 3].map(|()| migrate(&url, folder.path(), &["up", "--create-database"]).spawn().unwrap());
    let outputs = children.map(|child| child.wait_with_output().unwrap());
    assert!(
        outputs.iter().all(|output| output.status.success()),
        "{}",
        outputs.each_ref().map(stderr).concat()
    );
    let makers = outputs.iter().filter(|output| stderr(output).contains("created the database")).count();
    assert_eq!(makers, 1, "one of them made it");
    let status = String::from_utf8(run(&["status"]).stdout).unwrap();
    assert!(status.lines().all(|line| line.contains(" applied ")), "{status}");

    let drop = format!("DROP DATABASE \"{}\" WITH (FORCE)", url.rsplit('/').next().unwrap());
    database.connect().await.execute(&drop).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_away() {
    let folder = TempDir::new().unwrap();
    let refused =
        migrate("postgres://ada:hunter2@127.0.0.1:1/stead", folder.path(), &["up"]).output().unwrap();
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("the database is not available") && !said.contains("hunter2"), "{said}");
}
