//! A page of a browser whose name leads to this machine (DNS rebinding) reads nothing of what is for those who
//! sit at it.

use reqwest::Client;
use serde_json::Value;

use crate::program::Folder;
use crate::server::{Server, free_port};

/// What a listener of this machine answers to somebody who came by a name; `None` is its address.
async fn ask(port: u16, path: &str, name: Option<&str>) -> (u16, String) {
    let request = Client::new().get(format!("http://127.0.0.1:{port}{path}"));
    let request = name.into_iter().fold(request, |request, name| request.header("host", name));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn is_refused(port: u16, path: &str) {
    for name in ["evil.example", "evil.example:8081", "localhost.evil.example"] {
        let (status, body) = ask(port, path, Some(name)).await;
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &problem["code"]), (421, &"misdirected_request".into()), "{path} by {name}");
    }
    for name in [None, Some("localhost"), Some("localhost:1"), Some("stead.localhost"), Some("[::1]:9")] {
        let (status, body) = ask(port, path, name).await;
        assert_eq!(status, 200, "{path} by {name:?}: {body}");
    }
}

#[tokio::test]
async fn on_a_loopback_address_operators_are_answered_by_local_names_only() {
    let operators = free_port();
    let folder = Folder::new().with("APP_SERVER__MANAGEMENT_ADDRESS", format!("127.0.0.1:{operators}"));
    let server = Server::start(&folder);
    for path in ["/metrics", "/health/system", "/health/ready", "/log-level"] {
        is_refused(operators, path).await;
    }
    folder.run("healthcheck").expect(0);
    server.stop();
}

#[tokio::test]
async fn on_another_address_operators_are_answered_by_any_name() {
    let operators = free_port();
    let folder = Folder::new().with("APP_SERVER__MANAGEMENT_ADDRESS", format!("0.0.0.0:{operators}"));
    let server = Server::start(&folder);
    assert_eq!(ask(operators, "/metrics", Some("stead-1.internal")).await.0, 200);
    server.stop();
}

#[tokio::test]
async fn the_mailbox_is_read_by_local_names_only_and_the_api_by_any() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    is_refused(server.port, "/dev/mail").await;
    assert_eq!(ask(server.port, "/dev/mail/1", Some("evil.example")).await.0, 421);
    assert_eq!(ask(server.port, "/api/v1/users/me", Some("api.example")).await.0, 401);
    assert_eq!(ask(server.port, "/nowhere", Some("api.example")).await.0, 404);
    server.stop();
}
