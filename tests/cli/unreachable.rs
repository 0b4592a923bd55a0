//! A PostgreSQL that is not to be had: what is said of it, and what to do.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::postgres;
use crate::program::Folder;
use crate::server::{Server, free_port};

/// A folder whose program asks this database, in an environment where nothing is made by itself.
fn folder(url: &str) -> Folder {
    Folder::new()
        .with("APP_ENV", "testing")
        .with("APP_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        .with("APP_DATABASE__ACQUIRE_TIMEOUT", "1s")
        .with("APP_DATABASE__URL", url)
}

/// Claims that the server, migrations and a command say each of these of this database, and no password.
#[track_caller]
fn says(url: &str, words: &[&str]) {
    for command in ["serve", "migrate up", "migrate status", "user list"] {
        let said = folder(url).run(command).fails(words).stderr;
        assert!(!said.contains("hunter2") && !said.contains("pool timed out"), "{command}: {said}");
    }
}

#[test]
fn a_server_that_is_not_there_is_said_to_refuse_connections() {
    let place = format!("127.0.0.1:{}", free_port());
    let url = format!("postgres://ada:hunter2@{place}/stead");
    says(&url, &[&place, "Connection refused", "start PostgreSQL"]);
}

#[test]
fn a_host_that_is_not_known_is_named() {
    says("postgres://ada:hunter2@nowhere.invalid/stead", &["nowhere.invalid:5432", "lookup", "host"]);
}

#[tokio::test]
async fn a_wrong_password_an_absent_database_and_a_want_of_tls_are_told_apart() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let (account, place) = database.url().rsplit_once('@').unwrap();
    let user = account.rsplit_once(':').unwrap().0;
    says(&format!("{user}:hunter2@{place}"), &["password authentication failed", "user and password"]);
    let absent = format!("{}_absent", database.url());
    says(&absent, &["does not exist", "`stead migrate up --create-database`"]);
    says(&format!("{}?sslmode=require", database.url()), &["TLS", "`sslmode`"]);
}

/// Asks until the log says it.
async fn logged(server: &Server, words: &str) -> String {
    let begun = Instant::now();
    loop {
        _ = server.login("nobody@example.com", "seven purple otters").await;
        let log = server.log();
        if log.contains(words) {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "no {words:?} in:\n{log}");
    }
}

#[tokio::test]
async fn a_server_that_loses_its_database_logs_why_and_none_of_the_drivers_own_warnings() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let folder =
        folder(database.url()).with("APP_LOG__FORMAT", "json").with("APP_RATE_LIMIT__ENABLED", false);
    folder.run("migrate up").expect(0);
    let server = Server::start(&folder);
    let (rest, name) = database.url().rsplit_once('/').unwrap();
    let mut admin = PgConnection::connect(&format!("{rest}/postgres")).await.unwrap();
    let shut = format!(
        "ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    admin.execute(AssertSqlSafe(shut)).await.unwrap();
    let log = logged(&server, "no caller is believed").await;
    assert!(log.contains("\"error\":\"database \\\"") && log.contains("accepting connections\""), "{log}");
    assert!(log.contains("it is lost: terminating connection"), "{log}");
    assert!(!log.contains("fell silent") && !log.contains("`after_release`"), "{log}");
    assert!(!log.contains("`before_acquire`"), "{log}");
    let open = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true");
    admin.execute(AssertSqlSafe(open)).await.unwrap();
    logged(&server, "callers are believed again").await;
    server.stop();
}
