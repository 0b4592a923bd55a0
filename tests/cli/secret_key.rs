//! `APP_SECRET_KEY` and the keys in the database that it opens.

use std::os::unix::fs::PermissionsExt;

use sqlx::{Connection, Row, SqliteConnection};

use crate::program::Folder;
use crate::server::Server;

const FIRST: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SECOND: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// The wrapped keys of the folder's database, in hexadecimal.
async fn keys(folder: &Folder) -> Vec<String> {
    let url = format!("sqlite://{}/data/stead.db", folder.path().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let rows =
        sqlx::query("SELECT hex(id) || hex(wrapped) FROM keys ORDER BY id").fetch_all(&mut connection).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn public_keys(server: &Server) -> String {
    server.get("/.well-known/jwks.json").send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_secret_that_opens_nothing_stops_the_start_and_leaves_the_keys_alone() {
    let folder = Folder::new();
    let begun = |variables: &[(&str, &str)]| {
        let mut server = Server::begin(&folder, variables);
        server.wait_until_it_listens();
        server
    };
    let server = begun(&[("APP_SECRET_KEY", FIRST)]);
    let public = public_keys(&server).await;
    server.stop();
    let before = keys(&folder).await;
    assert!(before.len() >= 6, "{before:?}");

    let mut refused = Server::begin(&folder, &[("APP_SECRET_KEY", SECOND)]);
    let status = refused.ended_within(std::time::Duration::from_secs(10)).unwrap();
    let log = refused.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(
        log.contains("APP_SECRET_KEY does not open the keys") && log.contains("APP_SECRET_KEY_PREVIOUS"),
        "{log}"
    );
    assert!(!log.contains(SECOND));
    assert_eq!(keys(&folder).await, before);

    let server = begun(&[("APP_SECRET_KEY", SECOND), ("APP_SECRET_KEY_PREVIOUS", FIRST)]);
    assert_eq!(public_keys(&server).await, public, "the same keys sign");
    server.stop();
    assert_eq!(keys(&folder).await, before);
}

#[test]
fn the_secret_that_dev_makes_is_for_its_owner_only_and_stays() {
    let folder = Folder::new();
    let file = folder.path().join("data/secret_key");
    Server::start(&folder).stop();
    let made = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    Server::start(&folder).stop();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), made);
    std::fs::write(&file, "not a key").unwrap();
    folder.run("serve").fails(&["data/secret_key"]);
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "not a key",
        "a file that is there is never replaced"
    );
}
