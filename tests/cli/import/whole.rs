//! All or nothing: what takes long is done before anybody has to wait for it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::{PASSWORD, emails, write};
use crate::program::Folder;
use crate::server::Server;
use crate::{on_both, postgres};

fn people(count: u32) -> String {
    let line = |n| format!("p{n}@example.com,{PASSWORD} {n}\n");
    format!("email,password\n{}", (0..count).map(line).collect::<String>())
}

/// A folder where a hash takes as long as it does in earnest.
fn dear(folder: Folder) -> Folder {
    folder.with("APP_AUTH__HASH__MEMORY_KIB", 19456).with("APP_AUTH__HASH__ITERATIONS", 2)
}

on_both! {
    async fn passwords_are_those_of_their_people(folder: Folder) {
        // Some have a hash, some a password, some neither.
        let hash = crate::import::hash(&folder);
        let csv: String = (0..250)
            .map(|n| match n % 3 {
                0 => format!("p{n}@example.com,,{PASSWORD} {n}\n"),
                1 => format!("p{n}@example.com,\"{hash}\",\n"),
                _ => format!("p{n}@example.com,,\n"),
            })
            .collect();
        write(&folder, "people.csv", format!("email,password_hash,password\n{csv}"));
        let outcome = folder.run("user import people.csv --all-or-nothing").expect(0);
        assert_eq!(outcome.stdout, "made 250 accounts, refused 0 lines\n");
        let server = Server::start(&folder);
        for n in [0, 120, 246, 249] {
            let email = format!("p{n}@example.com");
            assert_eq!(server.login(&email, &format!("{PASSWORD} {n}")).await.0, 200, "{n}");
            assert_eq!(server.login(&email, PASSWORD).await.0, 401, "{n}");
        }
        assert_eq!(server.login("p1@example.com", PASSWORD).await.0, 200);
        server.stop();
    }

    async fn an_interrupt_while_passwords_are_hashed_leaves_nothing(folder: Folder) {
        let folder = dear(folder);
        write(&folder, "people.csv", people(1000));
        let mut import = folder.command("user import people.csv --all-or-nothing");
        let import = import.env("TMPDIR", folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let pid = import.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let output = import.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.ends_with("error: stopped; nothing was kept\n"), "{told}");
        assert_eq!(emails(&folder).len(), 0);
        let left = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(".tmp")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn on_sqlite_others_write_while_passwords_are_hashed() {
    let folder = dear(super::folder());
    write(&folder, "people.csv", people(200));
    let options = SqliteConnectOptions::new().filename(folder.path().join("data/stead.db"));
    let mut other = options.busy_timeout(Duration::ZERO).connect().await.unwrap();
    let begun = Instant::now();
    let mut import =
        folder.command("user import people.csv --all-or-nothing").stdout(Stdio::null()).spawn().unwrap();
    let (mut kept_out, mut tries) = (0, 0);
    while import.try_wait().unwrap().is_none() {
        tries += 1;
        match other.begin_with("BEGIN IMMEDIATE").await {
            Ok(tx) => tx.rollback().await.unwrap(),
            Err(_) => kept_out += 1,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(emails(&folder).len(), 200);
    assert!(tries > 50 && kept_out * 4 < tries, "{kept_out} of {tries} times in {:?}", begun.elapsed());
}
