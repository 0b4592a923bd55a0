//! `stead user create` without a password: the link that it prints.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

use crate::postgres;
use crate::program::Folder;
use crate::server::Server;

const PASSWORD: &str = "correct horse battery staple";
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What the page of the link does when its button is pressed.
async fn accept(server: &Server, link: &str) -> (u16, Value) {
    let token = link.split_once("https://api.example/accept-invitation#token=").unwrap().1;
    let url = format!("http://127.0.0.1:{}/api/v1/auth/password/reset", server.port);
    let body = json!({"token": token, "new_password": PASSWORD});
    let answer = Client::new().post(url).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn the_link_lets_the_person_choose_a_password_once(folder: Folder) {
    let folder = folder.with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY);
    let folder = folder.with("APP_SERVER__PUBLIC_URL", "https://api.example");
    folder.run("migrate up").expect(0);
    let printed = folder.run("user create Ada@Example.com --role admin").expect(0).stdout;
    assert!(printed.starts_with("created ada@example.com ("), "{printed}");
    let link = printed.split_whitespace().last().unwrap();
    assert!(printed.lines().count() == 2 && printed.contains("24 hours"), "{printed}");
    let json = folder.run("user create bob@example.com --json").expect(0).json();
    assert_eq!((&json["email"], &json["status"]), (&json!("bob@example.com"), &json!("pending")));
    // With a password there is nothing to choose.
    let made = folder.feed("user create eve@example.com --password-stdin --json", PASSWORD).expect(0).json();
    assert_eq!((&made["status"], made.get("invitation")), (&json!("active"), None));

    let server = Server::start(&folder);
    assert_eq!(server.login("ada@example.com", PASSWORD).await.0, 401, "not before the link was used");
    assert_eq!(accept(&server, link).await.0, 200);
    let (status, pair) = server.login("ada@example.com", PASSWORD).await;
    assert_eq!((status, &pair["user"]["roles"]), (200, &json!(["admin", "user"])), "{pair}");
    let again = accept(&server, link).await;
    assert_eq!((again.0, &again.1["code"]), (422, &json!("invalid_or_expired_token")));
    assert_eq!(accept(&server, json["invitation"].as_str().unwrap()).await.0, 200);
    assert_eq!(server.login("bob@example.com", PASSWORD).await.0, 200);
    let token = link.split_once('=').unwrap().1;
    assert!(!server.log().contains(token), "no log has the token");
    server.stop();
}

#[tokio::test]
async fn an_invitation_from_the_terminal_is_accepted_on_sqlite() {
    postgres::count("sqlite");
    the_link_lets_the_person_choose_a_password_once(Folder::new()).await;
}

#[tokio::test]
async fn an_invitation_from_the_terminal_is_accepted_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    the_link_lets_the_person_choose_a_password_once(Folder::new().with("APP_DATABASE__URL", database.url()))
        .await;
}

#[test]
fn a_role_that_is_not_there_invites_nobody() {
    let folder = Folder::new();
    folder.run("migrate up").expect(0);
    folder.run("user create ada@example.com --role boss").fails(&["`admin` and `user`"]);
    assert_eq!(folder.run("user list --json").expect(0).json(), json!([]));
}

#[test]
fn a_command_leaves_its_mail_to_the_servers() {
    let folder = Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY);
    let folder = folder.with("APP_MAIL__URL", "file:mails");
    folder.run("migrate up").expect(0);
    for name in ["ada", "bob", "eve"] {
        folder.run(&format!("user create {name}@example.com")).expect(0);
    }
    let sent = || folder.path().join("mails").read_dir().map_or(0, Iterator::count);
    assert_eq!(sent(), 0);
    let server = Server::start(&folder);
    let begun = Instant::now();
    while sent() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    server.stop();
}
