//! Of whom and what lines of the log are.

use reqwest::Client;
use serde_json::{Value, json};

use crate::program::Folder;
use crate::server::Server;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";

fn lines(server: &Server) -> Vec<Value> {
    server.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The lines of requests to this route.
fn of_route(server: &Server, route: &str) -> Vec<Value> {
    lines(server).into_iter().filter(|line| line["route"] == route).collect()
}

async fn post(server: &Server, path: &str, body: Value) -> Value {
    let url = format!("http://127.0.0.1:{}{path}", server.port);
    Client::new().post(url).json(&body).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_sign_in_and_a_refresh_have_the_user_once_it_is_proven_who_that_is() {
    let (login, refresh) = ("/api/v1/auth/login", "/api/v1/auth/refresh");
    let folder = Folder::new().with("APP_LOG__FORMAT", "json");
    let server = Server::start(&folder);
    let user = post(&server, "/api/v1/auth/register", json!({"email": EMAIL, "password": PASSWORD})).await;
    server.login(EMAIL, "wrong").await;
    let pair = server.login(EMAIL, PASSWORD).await.1;
    post(&server, refresh, json!({"refresh_token": "rt_x"})).await;
    post(&server, refresh, json!({"refresh_token": pair["refresh_token"]})).await;
    for route in [login, refresh] {
        let told: Vec<_> = of_route(&server, route).iter().map(|line| line["user_id"].clone()).collect();
        assert_eq!(told, [Value::Null, user["id"].clone()], "{route}");
    }
    server.stop();
}

#[tokio::test]
async fn a_slow_hash_says_for_which_request_it_was() {
    let folder = Folder::new()
        .with("APP_LOG__FORMAT", "json")
        .with("APP_AUTH__HASH__MEMORY_KIB", 19456)
        .with("APP_AUTH__HASH__ITERATIONS", 150);
    let server = Server::start(&folder);
    server.login("nobody@example.com", PASSWORD).await;
    let request = &of_route(&server, "/api/v1/auth/login")[0]["request_id"];
    let slow: Vec<_> = lines(&server).into_iter().filter(|line| line["message"] == "a slow hash").collect();
    assert!(slow.iter().any(|line| line["request_id"] == *request), "{slow:?}");
    server.stop();
}
