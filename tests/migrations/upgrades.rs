//! The program of a version, on a schema that the next one has changed under it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::json;
use stead::db::migrate::{Label, embedded};
use tempfile::TempDir;

use crate::database::{Database, made_up, on_both};

const PATIENCE: Duration = Duration::from_secs(30);

/// The program on the database, in an environment where nothing is migrated by itself.
fn program(database: &Database, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stead"));
    command.args(arguments).current_dir(folder).env_clear();
    command.env("APP_ENV", "testing").env("APP_DATABASE__URL", &database.url);
    command.env("APP_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    command.env("APP_SERVER__PORT", "0").env("APP_SERVER__MANAGEMENT_ADDRESS", "127.0.0.1:0");
    command.env("APP_AUTH__HASH__MEMORY_KIB", "64").env("APP_AUTH__HASH__ITERATIONS", "1");
    command
}

fn run(database: &Database, folder: &Path, arguments: &[&str]) -> Output {
    program(database, folder, arguments).output().unwrap()
}

/// Killed when it is dropped.
struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts and listens.
    fn start(database: &Database, folder: &Path, name: &str) -> Self {
        let log = folder.join(name);
        let mut serve = program(database, folder, &["serve"]);
        let child = serve.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut server = Self { child, url: String::new(), log: log.clone() };
        let begun = Instant::now();
        while server.url.is_empty() {
            let said = fs::read_to_string(&log).unwrap();
            let line = said.lines().find(|line| line.contains("listening"));
            if let Some((_, rest)) = line.and_then(|line| line.split_once("127.0.0.1:")) {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                server.url = format!("http://127.0.0.1:{port}");
            }
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{ended:?}: {said}");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    async fn status(&self, path: &str) -> u16 {
        Client::new().get(format!("{}{path}", self.url)).send().await.unwrap().status().as_u16()
    }

    /// Asks whether it is ready until it answers so.
    async fn until_ready_is(&self, status: u16) {
        let begun = Instant::now();
        while self.status("/health/ready").await != status {
            assert!(begun.elapsed() < PATIENCE, "readiness does not become {status}");
        }
    }

    /// How often the log says so.
    fn told(&self, words: &str) -> usize {
        fs::read_to_string(&self.log).unwrap().matches(words).count()
    }

    async fn post(&self, path: &str, email: &str) -> u16 {
        let body = json!({"email": email, "password": "correct horse battery staple"});
        let call = Client::new().post(format!("{}/api/v1/auth/{path}", self.url)).json(&body);
        call.send().await.unwrap().status().as_u16()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

on_both! {
    async fn a_version_runs_on_while_the_next_expands_and_ends_once_it_contracts(database) {
        let folder = TempDir::new().unwrap();
        let mut all = embedded(database.driver());
        let newest = all.last().unwrap().version;
        database.apply(&all).await;
        let old = Server::start(&database, folder.path(), "old.log");
        assert_eq!(old.post("register", "ada@example.com").await, 201);

        all.push(made_up(newest + 1, "next", "create table next (id bigint);"));
        assert_eq!(database.apply(&all).await, 1);
        assert_eq!(old.status("/health/ready").await, 200);
        assert_eq!(old.post("login", "ada@example.com").await, 200);
        let another = Server::start(&database, folder.path(), "another.log");
        for server in [&old, &another] {
            assert_eq!(server.post("login", "ada@example.com").await, 200);
        }
        let listed = run(&database, folder.path(), &["user", "list"]);
        assert!(listed.status.success(), "{listed:?}");

        all.push(made_up(newest + 2, "gone", "drop table next;"));
        all.last_mut().unwrap().label = Label::Contract;
        assert_eq!(database.apply(&all).await, 1);
        old.until_ready_is(503).await;
        assert_eq!(old.status("/health/live").await, 200, "nobody need kill it");
        for arguments in [&["serve"][..], &["user", "list"], &["keys", "list"]] {
            let refused = run(&database, folder.path(), arguments);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(1), "{said}");
            let name = format!("{:04}_gone", newest + 2);
            assert!(said.contains(&name) && said.contains("run the newer version"), "{said}");
        }
    }

    async fn a_server_says_once_that_the_schema_has_left_it_behind_and_once_that_it_is_back(database) {
        let (left, back) = ("this version may not run on the schema any more", "may run on the schema again");
        let folder = TempDir::new().unwrap();
        let mut all = embedded(database.driver());
        let newest = all.last().unwrap().version;
        database.apply(&all).await;
        let old = Server::start(&database, folder.path(), "old.log");
        old.until_ready_is(200).await;
        assert_eq!(old.told(left), 0);
        all.push(made_up(newest + 1, "gone", "create table gone (id bigint);"));
        all.last_mut().unwrap().label = Label::Contract;
        database.apply(&all).await;
        for times in 1..=2 {
            old.until_ready_is(503).await;
            // Longer than an answer of the database is good for.
            tokio::time::sleep(Duration::from_millis(150)).await;
            old.until_ready_is(503).await;
            assert_eq!((old.told(left), old.told(back)), (times, times - 1));
            assert_eq!(old.told(&format!("{:04}_gone", newest + 1)), times);
            let row = format!("schema_migrations WHERE version = {}", newest + 1);
            let mut connection = database.connect().await;
            connection.execute(&format!("CREATE TABLE kept AS SELECT * FROM {row}")).await.unwrap();
            connection.execute(&format!("DELETE FROM {row}")).await.unwrap();
            old.until_ready_is(200).await;
            assert_eq!((old.told(left), old.told(back)), (times, times));
            connection.execute("INSERT INTO schema_migrations SELECT * FROM kept").await.unwrap();
            connection.execute("DROP TABLE kept").await.unwrap();
        }
    }

    async fn an_old_program_says_that_the_schema_is_ahead_of_it(database) {
        let folder = TempDir::new().unwrap();
        let mut all = embedded(database.driver());
        let newest = all.last().unwrap().version;
        let migrate = |word| {
            let done = run(&database, folder.path(), &["migrate", word]);
            (done.status.code(), String::from_utf8(done.stderr).unwrap(), String::from_utf8(done.stdout).unwrap())
        };
        all.push(made_up(newest + 1, "next", "create table next (id bigint);"));
        database.apply(&all).await;
        for word in ["up", "status"] {
            let (code, said, shown) = migrate(word);
            let name = format!("{:04}_next", newest + 1);
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains("ahead of this program") && said.contains(&name), "{said}");
            assert!(said.contains("runs on it") && !said.contains("up to date"), "{said}");
            assert_eq!(shown.contains(&name), word == "status", "{shown}");
        }
        all.push(made_up(newest + 2, "gone", "drop table next;"));
        all.last_mut().unwrap().label = Label::Contract;
        database.apply(&all).await;
        for word in ["up", "status"] {
            let (code, said, shown) = migrate(word);
            let name = format!("{:04}_gone", newest + 2);
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains(&name) && said.contains("run the newer version"), "{said}");
            assert_eq!(shown.contains(&name), word == "status", "{shown}");
        }
    }
}
