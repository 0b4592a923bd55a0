//! The program of a version, on a schema that the next one has changed under it.

use std::fs::{self, File};
use std::path::Path;
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
}

impl Server {
    /// Starts and listens.
    fn start(database: &Database, folder: &Path, name: &str) -> Self {
        let log = folder.join(name);
        let mut serve = program(database, folder, &["serve"]);
        let child = serve.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut server = Self { child, url: String::new() };
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
        let begun = Instant::now();
        while old.status("/health/ready").await != 503 {
            assert!(begun.elapsed() < PATIENCE, "it still says that it is ready");
        }
        assert_eq!(old.status("/health/live").await, 200, "nobody need kill it");
        for arguments in [&["serve"][..], &["user", "list"], &["keys", "list"]] {
            let refused = run(&database, folder.path(), arguments);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(1), "{said}");
            let name = format!("{:04}_gone", newest + 2);
            assert!(said.contains(&name) && said.contains("run the newer version"), "{said}");
        }
    }
}
