//! More requests than a server can work on.

use std::io::{Read, Write};
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::program::Folder;
use crate::server::{Server, within_a_second};
use crate::wire::connected;

/// A connection to the database stands for so many requests.
const ROOM: usize = 64;

async fn me(server: &Server) -> Response {
    server.get("/api/v1/users/me").send().await.unwrap()
}

#[tokio::test]
async fn who_is_too_many_is_told_to_come_back_while_probes_and_refreshes_go_on() {
    // One thread that needs a while for each password, and room for as many sign-ins as wait for it.
    let folder = Folder::new()
        .with("APP_DATABASE__MAX_CONNECTIONS", 1)
        .with("APP_AUTH__HASH__THREADS", 1)
        .with("APP_AUTH__HASH__MEMORY_KIB", 19456)
        .with("APP_AUTH__HASH__ITERATIONS", 20)
        .with("APP_RATE_LIMIT__ENABLED", "false");
    let server = Server::start(&folder);
    let (client, url) = (Client::new(), format!("http://127.0.0.1:{}/api/v1/auth", server.port));
    let logins: Vec<_> = (0..ROOM)
        .map(|number| {
            let body = json!({"email": format!("nobody{number}@example.com"), "password": "correct horse"});
            let request = client.post(format!("{url}/login")).json(&body);
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    within_a_second(async || me(&server).await.status().as_u16() == 503).await;

    let refused = me(&server).await;
    let header = |name: &str| refused.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type").as_str(), header("retry-after").as_str()),
        ("application/problem+json", "1")
    );
    let id = header("x-request-id");
    let body: Value = refused.json().await.unwrap();
    assert_eq!((&body["code"], &body["request_id"]), (&"overloaded".into(), &id.into()));

    // Nobody asks for a body that would not be looked at.
    let mut stream = connected(&server);
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");

    for path in ["/health/live", "/health/ready"] {
        assert_eq!(server.get(path).send().await.unwrap().status().as_u16(), 200, "{path}");
    }
    let token = json!({"refresh_token": "none"});
    let refresh = client.post(format!("{url}/refresh")).json(&token).send().await.unwrap();
    assert_eq!(refresh.status().as_u16(), 401, "it is looked at");
    assert_eq!(me(&server).await.status().as_u16(), 503, "all that was while there was no room");

    for login in logins {
        assert_eq!(login.await.unwrap(), 401, "who was let in is answered");
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(me(&server).await.status().as_u16(), 401);
    let log = server.log();
    assert!(log.contains("requests were turned away") && !log.contains("ERROR"), "{log}");
    server.stop();
}
