//! The way of PostgreSQL, step by step as docs/backup.md has it.

use std::path::PathBuf;
use std::process::Command;

use crate::postgres;
use crate::program::Folder;
use crate::server::Server;

use super::KEY;
use super::people::PASSWORD;

/// `None` where it is not installed; in CI that is a failure.
fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|tool| tool.is_file());
    let is_ci = std::env::var_os("CI").is_some();
    assert!(found.is_some() || !is_ci, "{name} is not installed, and in CI its test must run");
    found
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn on_postgres_a_dump_is_restored_into_another_database_and_people_sign_in_there() {
    let (Some(dump), Some(restore)) = (tool("pg_dump"), tool("pg_restore")) else { return };
    let fresh = async || postgres::fresh_database(async |_| Ok::<_, String>(())).await;
    let (Some(first), Some(second)) = (fresh().await, fresh().await) else { return };
    let on = |url: &str| Folder::new().with("APP_DATABASE__URL", url).with("APP_SECRET_KEY", KEY);

    let folder = on(first.url());
    let server = Server::start(&folder);
    folder.feed("user create ada@example.com --password-stdin", PASSWORD).expect(0);
    let file = folder.path().join("stead.dump");
    run(Command::new(dump)
        .args(["--format=custom", "--no-owner", "--no-privileges", "--file"])
        .arg(&file)
        .arg(first.url()));
    folder.feed("user create late@example.com --password-stdin", PASSWORD).expect(0);
    server.stop();

    let mut into = Command::new(restore);
    into.args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]);
    run(into.arg("--dbname").arg(second.url()).arg(&file));
    let folder = on(second.url());
    assert!(folder.run("migrate up").expect(0).stderr.starts_with("0 applied"));
    let server = Server::start(&folder);
    assert_eq!(server.login("ada@example.com", PASSWORD).await.0, 200);
    assert_eq!(server.login("late@example.com", PASSWORD).await.0, 401, "not in the dump");
    server.stop();
}
