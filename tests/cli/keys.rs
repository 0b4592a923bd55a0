//! `stead keys`, beside a server that is running.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::postgres;
use crate::program::Folder;
use crate::server::{Server, within_a_second};

const PASSWORD: &str = "correct horse battery staple";
const FIRST: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SECOND: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
const UNKNOWN: &str = "01981f3c6d7a7c4e9b513a52c7e1b0aa";

fn of<'a>(keys: &'a Value, purpose: &str) -> Vec<&'a Value> {
    keys.as_array().unwrap().iter().filter(|key| key["purpose"] == purpose).collect()
}

async fn status(server: &Server, token: &str) -> u16 {
    server.get("/api/v1/users/me").bearer_auth(token).send().await.unwrap().status().as_u16()
}

async fn published(server: &Server) -> String {
    server.get("/.well-known/jwks.json").send().await.unwrap().text().await.unwrap()
}

async fn each_command_does_what_it_says(folder: Folder) {
    folder.run("keys list").fails(&["`stead migrate up`"]);
    folder.run("migrate up").expect(0);
    folder.feed("user create ada@example.com --password-stdin", PASSWORD).expect(0);
    let server = Server::start(&folder);
    let (_, pair) = server.login("ada@example.com", PASSWORD).await;
    let token = pair["access_token"].as_str().unwrap();

    let listed = folder.run("keys list").expect(0).stdout;
    assert_eq!(listed.lines().count(), 6, "{listed}");
    assert!(listed.lines().all(|line| line.contains("  active  ")), "{listed}");

    let made = folder.run("keys rotate --json").expect(0).json();
    assert_eq!((&made["purpose"], &made["state"]), (&"signing".into(), &"published".into()));
    let kid = made["kid"].as_str().unwrap();
    within_a_second(async || published(&server).await.contains(kid)).await;
    assert_eq!(status(&server, token).await, 200);
    folder.run("keys rotate").fails(&["there is a new key already", kid]);
    let rotated = folder.run("keys rotate --purpose refresh").expect(0).stdout;
    assert!(rotated.contains("is published, and in use from 20"), "{rotated}");

    let keys = folder.run("keys list --json").expect(0).json();
    let leaked = of(&keys, "signing")[1]["kid"].as_str().unwrap().to_owned();
    let revoked = folder.run(&format!("keys revoke {leaked}")).expect(0).stdout;
    assert!(
        revoked.contains(&leaked) && revoked.contains(&format!("{kid} is in use from now on")),
        "{revoked}"
    );
    within_a_second(async || status(&server, token).await == 401).await;
    assert!(!published(&server).await.contains(&leaked));
    let (_, pair) = server.login("ada@example.com", PASSWORD).await;
    assert_eq!(status(&server, pair["access_token"].as_str().unwrap()).await, 200);

    folder.run(&format!("keys revoke {leaked}")).fails(&[&leaked, "was revoked before, at 20"]);
    folder.run(&format!("keys revoke {UNKNOWN}")).fails(&[UNKNOWN, "`stead keys list`"]);
    let lookup = of(&keys, "lookup")[0]["kid"].as_str().unwrap();
    folder.run(&format!("keys revoke {lookup}")).fails(&["keys for lookups stay"]);
    server.stop();
}

#[tokio::test]
async fn keys_are_rotated_and_revoked_beside_a_server_on_sqlite() {
    postgres::count("sqlite");
    each_command_does_what_it_says(Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", FIRST))
        .await;
}

#[tokio::test]
async fn keys_are_rotated_and_revoked_beside_a_server_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let folder = Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", FIRST);
    each_command_does_what_it_says(folder.with("APP_DATABASE__URL", database.url())).await;
}

#[test]
fn wrong_use_is_told_before_anything_is_opened() {
    let folder = Folder::new();
    for (arguments, word) in [
        ("keys", "Usage"),
        ("keys rotate --purpose lookup", "keys for lookups stay"),
        ("keys rotate --purpose login", "signing, refresh, device, cursor, outbox"),
        ("keys revoke", "KID"),
        ("keys revoke ../signing", "../signing"),
        ("keys revoke abc", "`stead keys list`"),
    ] {
        let outcome = folder.run(arguments).expect(2);
        assert!(outcome.stderr.contains(word), "{arguments}: {}", outcome.stderr);
    }
    assert!(folder.is_empty());
}

/// Runs with these secrets.
fn with_secrets(folder: &Folder, arguments: &str, current: &str, previous: &str) -> Output {
    let mut command = folder.command(arguments);
    command.env("APP_SECRET_KEY", current).env("APP_SECRET_KEY_PREVIOUS", previous).output().unwrap()
}

#[tokio::test]
async fn the_secret_is_changed_without_losing_a_key() {
    let folder = Folder::new();
    let begun = |secret: &str| {
        let mut server = Server::begin(&folder, &[("APP_SECRET_KEY", secret)]);
        server.wait_until_it_listens();
        server
    };
    let server = begun(FIRST);
    let public = published(&server).await;
    let refused = with_secrets(&folder, "keys rewrap", SECOND, "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("APP_SECRET_KEY_PREVIOUS"));
    for _ in 0..2 {
        let done = with_secrets(&folder, "keys rewrap", SECOND, FIRST);
        assert_eq!(String::from_utf8_lossy(&done.stdout), "6 keys are wrapped under APP_SECRET_KEY\n");
    }
    let json = with_secrets(&folder, "keys rewrap --json", SECOND, FIRST);
    assert_eq!(serde_json::from_slice::<Value>(&json.stdout).unwrap(), serde_json::json!({"rewrapped": 6}));
    // A rotation that the running server cannot open leaves it with the keys it has.
    assert!(with_secrets(&folder, "keys rotate", SECOND, FIRST).status.success());
    assert!(published(&server).await.contains(&public[10..60]));
    server.stop();
    let server = begun(SECOND);
    assert!(published(&server).await.contains(&public[public.find("kid").unwrap()..][..40]));
    server.stop();
    let mut refused = Server::begin(&folder, &[("APP_SECRET_KEY", FIRST)]);
    assert_eq!(refused.ended_within(Duration::from_secs(10)).unwrap().code(), Some(1), "{}", refused.log());
}
