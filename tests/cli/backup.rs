//! `stead backup` and `stead restore`, beside servers that are running and on files that are not sound.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqliteConnection};

use crate::postgres;
use crate::program::Folder;
use crate::server::Server;

mod dump;
mod people;
mod unsound;

use people::{People, sign_in};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const DATABASE: &str = "data/stead.db";

/// A folder in which nobody is told to slow down.
fn folder() -> Folder {
    postgres::count("sqlite");
    Folder::new().with("APP_RATE_LIMIT__ENABLED", false).with("APP_SECRET_KEY", KEY)
}

/// The same with a database, in which one account is.
fn with_ada() -> Folder {
    let folder = folder();
    folder.run("migrate up").expect(0);
    folder.feed("user create ada@example.com --password-stdin", people::PASSWORD).expect(0);
    folder
}

async fn open(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

async fn texts(file: &Path, sql: &'static str) -> Vec<String> {
    let mut connection = open(file).await;
    let found = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

async fn change(file: &Path, sql: &str) {
    let mut connection = open(file).await;
    connection.execute(AssertSqlSafe(format!("PRAGMA foreign_keys = off; {sql}"))).await.unwrap();
    connection.close().await.unwrap();
}

/// The addresses of the accounts, as the program lists them.
fn accounts(folder: &Folder) -> Vec<String> {
    let listed = folder.run("user list --json").expect(0).json();
    let mut all: Vec<_> =
        listed.as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

/// The names of what lies in a folder, without the lock file and what SQLite keeps beside a database.
fn names(folder: &Path) -> Vec<String> {
    let found = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<_> = found.filter(|name| !name.ends_with(".lock")).collect();
    found.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    found.sort();
    found
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

/// Everything that is in a database, as SQL.
async fn content(file: &Path) -> Vec<String> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut all = Vec::new();
    for table in texts(file, tables).await {
        let mut connection = open(file).await;
        let columns = format!(
            "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ') FROM pragma_table_info('{table}')"
        );
        let columns: String =
            sqlx::query_scalar(AssertSqlSafe(columns)).fetch_one(&mut connection).await.unwrap();
        let rows = format!("SELECT '{table}: ' || {columns} AS row FROM \"{table}\" ORDER BY row");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
        all.extend(rows);
        connection.close().await.unwrap();
    }
    assert!(all.iter().any(|row| row.starts_with("users: ")), "it is the whole database");
    all
}

/// What one transaction writes is there, or none of it.
async fn has_nothing_half(file: &Path) {
    assert_eq!(texts(file, "PRAGMA integrity_check").await, ["ok"]);
    assert_eq!(texts(file, "SELECT \"table\" FROM pragma_foreign_key_check").await, [""; 0]);
    for half in [
        "SELECT email FROM users u WHERE NOT EXISTS (SELECT 1 FROM user_roles r WHERE r.user_id = u.id)",
        "SELECT email FROM users u WHERE NOT EXISTS (SELECT 1 FROM audit_events a WHERE a.subject_id = u.id)",
        "SELECT hex(subject_id) FROM audit_events a WHERE a.action = 'registered'
         AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.subject_id)",
    ] {
        assert_eq!(texts(file, half).await, [""; 0], "{half}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writes_holds_what_was_acknowledged_and_nothing_half_and_a_restore_brings_it_back() {
    let folder = folder();
    let server = Server::start(&folder);
    let people = People::default();
    let writers: Vec<_> = (0..4).map(|writer| people.join_from(server.port, writer)).collect();
    people.wait_for(40).await;

    let before = people.acknowledged();
    let said = tokio::task::block_in_place(|| folder.run("backup saved.db --json").expect(0));
    let during = people.acknowledged();
    people.wait_for(during.len() + 20).await;
    people.stop();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(said.stderr, "", "no progress where nobody looks");
    let (saved, told) = (folder.path().join("saved.db"), said.json());
    assert_eq!(told["path"], saved.to_str().unwrap());
    assert_eq!(told["bytes"], fs::metadata(&saved).unwrap().len());
    assert!(told["seconds"].is_number() && told["newest_migration"].is_string(), "{told}");
    assert_eq!(mode(&saved), 0o600);
    assert!(!names(folder.path()).iter().any(|name| name.contains("part")), "{:?}", names(folder.path()));

    has_nothing_half(&saved).await;
    let held = texts(&saved, "SELECT email || ' ' || coalesce(display_name, '') FROM users").await;
    for person in &before {
        assert!(held.contains(person), "{person} was acknowledged before the backup began");
    }
    assert!(held.len() < people.acknowledged().len(), "people came after the backup, too");
    server.stop();

    let as_saved = content(&saved).await;
    let last = people.acknowledged().pop().unwrap();
    let told = folder.run("restore saved.db --json").expect(0).json();
    assert_eq!(content(&folder.path().join(DATABASE)).await, as_saved);
    assert_eq!(mode(&folder.path().join(DATABASE)), 0o600);
    let kept = PathBuf::from(told["kept"].as_str().unwrap());
    assert!(kept.file_name().unwrap().to_str().unwrap().starts_with("stead.db.before-restore-"), "{told}");
    assert_eq!(mode(&kept), 0o600);
    let all = texts(&kept, "SELECT email || ' ' || coalesce(display_name, '') FROM users").await;
    assert!(people.acknowledged().iter().all(|person| all.contains(person)), "all is kept aside");

    let server = Server::start(&folder);
    assert_eq!(sign_in(&server, &before[0]).await, 200);
    assert_eq!(sign_in(&server, &last).await, 401, "who came after the backup is not there");
    server.stop();
}

#[test]
fn a_backup_overwrites_no_file_unless_it_is_forced_and_never_the_database() {
    let folder = with_ada();
    let saved = folder.path().join("saved.db");
    fs::write(&saved, "somebody's own").unwrap();
    folder.run("backup saved.db").fails(&["saved.db", "--force"]);
    assert_eq!(fs::read(&saved).unwrap(), b"somebody's own");
    let said = folder.run("backup saved.db --force").expect(0);
    assert!(said.stdout.contains("saved.db"), "{}", said.stdout);
    assert_eq!(mode(&saved), 0o600);
    folder.run("backup data/stead.db --force").fails(&["is the database itself"]);
    folder.run("backup absent/saved.db").fails(&["absent/saved.db"]);
    assert_eq!(names(folder.path()), ["data", "saved.db"]);
    assert_eq!(accounts(&folder), ["ada@example.com"]);

    let empty = Folder::new();
    empty.run("backup saved.db").fails(&["there is no database", "stead.db"]);
    assert!(empty.is_empty(), "nothing was made to be saved");
}

#[test]
fn what_a_killed_backup_left_is_in_nobodys_way() {
    let folder = with_ada();
    fs::write(folder.path().join("saved.db.part"), "half").unwrap();
    folder.run("backup saved.db").expect(0);
    assert_eq!(names(folder.path()), ["data", "saved.db"]);
    let held = fs::File::create(folder.path().join("saved.db.part")).unwrap();
    held.lock().unwrap();
    folder.run("backup saved.db --force").fails(&["saved.db.part", "under way"]);
    assert_eq!(names(folder.path()), ["data", "saved.db", "saved.db.part"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_refused_while_anybody_has_the_database_open() {
    let folder = folder();
    let server = Server::start(&folder);
    folder.run("backup saved.db").expect(0);
    folder.feed("user create ada@example.com --password-stdin", people::PASSWORD).expect(0);
    folder.run("restore saved.db").fails(&["in use", "stop"]);
    assert_eq!(server.login("ada@example.com", people::PASSWORD).await.0, 200);
    server.stop();

    let database = folder.path().join(DATABASE);
    let mut other = open(&database).await;
    let _: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&mut other).await.unwrap();
    folder.run("restore saved.db").fails(&["in use"]);
    other.close().await.unwrap();
    assert_eq!(names(&folder.path().join("data")), ["stead.db"]);
    folder.run("restore saved.db").expect(0);
    assert_eq!(accounts(&folder), ["admin@example.com"]);
}

#[test]
fn a_restore_says_what_to_do_next_and_goes_where_no_database_is() {
    let folder = with_ada();
    folder.run("migrate down").expect(0);
    let newest = folder.run("backup saved.db --json").expect(0).json()["newest_migration"].clone();
    let status = folder.run("migrate status").expect(0).stdout;
    assert!(!status.lines().last().unwrap().starts_with(newest.as_str().unwrap()), "{newest}: {status}");

    let fresh = Folder::new().with("APP_SECRET_KEY", KEY);
    let arguments = format!("restore {}", folder.path().join("saved.db").display());
    let said = fresh.run(&arguments).expect(0);
    for word in ["APP_SECRET_KEY", "`stead migrate up`", "`stead sessions end --all`"] {
        assert!(said.stdout.contains(word), "no {word} in {}", said.stdout);
    }
    assert_eq!(names(&fresh.path().join("data")), ["stead.db"], "there was nothing to keep");
    fresh.run("migrate up").expect(0);
    assert_eq!(accounts(&fresh), ["ada@example.com"]);
    let again = fresh.run(&format!("{arguments} --json")).expect(0).json();
    assert!(again["pending"].as_array().is_some_and(|pending| pending.len() == 1), "{again}");
}

#[test]
fn in_acc_and_prod_a_restore_wants_a_yes() {
    for environment in ["acc", "prod"] {
        let folder = folder()
            .with("APP_ENV", environment)
            .with("APP_SERVER__PUBLIC_URL", "https://api.example.com")
            .with("APP_DATABASE__ALLOW_SQLITE", true)
            .with("APP_MAIL__URL", "smtps://mail.example.com")
            .with("APP_AUTH__HASH__MEMORY_KIB", 19456)
            .with("APP_AUTH__HASH__ITERATIONS", 2)
            .with("APP_RATE_LIMIT__ENABLED", true);
        folder.run("migrate up").expect(0);
        folder.run("backup saved.db").expect(0);
        folder.run("restore saved.db").fails(&["`stead restore FILE --yes`"]);
        assert_eq!(names(&folder.path().join("data")), ["stead.db"]);
        folder.run("restore saved.db --yes").expect(0);
    }
}

#[test]
fn on_postgres_both_commands_name_what_does_it_there() {
    let folder = Folder::new().with("APP_DATABASE__URL", "postgres://nobody@127.0.0.1:1/nothing");
    folder.run("backup saved.db").fails(&["SQLite", "`pg_dump", "docs/backup.md"]);
    folder.run("restore saved.db").fails(&["SQLite", "`pg_restore", "docs/backup.md"]);
    assert!(folder.is_empty());
}
