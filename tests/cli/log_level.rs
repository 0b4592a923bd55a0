//! The level of the log, changed while the server runs.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::postgres;
use crate::program::Folder;
use crate::server::{Server, free_port};

/// What the listener for operators answers at `/log-level`, to a question or to a wish.
async fn level(port: u16, wish: Option<Value>) -> (StatusCode, Value) {
    let url = format!("http://127.0.0.1:{port}/log-level");
    let request = match wish {
        None => Client::new().get(url),
        Some(wish) => Client::new().put(url).json(&wish),
    };
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_level_of_the_log_is_changed_until_the_next_start() {
    let operators = free_port();
    let address = format!("127.0.0.1:{operators}");
    let folder =
        Folder::new().with("APP_SERVER__MANAGEMENT_ADDRESS", address).with("APP_LOG__FORMAT", "json");
    let server = Server::start(&folder);
    let ask = || server.get("/api/v1/users/me").send();
    let lines = |level: &str| server.log().lines().filter(|line| line.contains(level)).count();
    assert_eq!(
        level(operators, None).await,
        (StatusCode::OK, json!({"level": "info", "configured": "info"}))
    );

    ask().await.unwrap();
    assert_eq!((lines("/api/v1/users/me"), lines("\"DEBUG\"")), (1, 0));
    let (status, answer) = level(operators, Some(json!({"level": "info,stead=debug,sqlx=warn"}))).await;
    assert_eq!((status, &answer["level"]), (StatusCode::OK, &"info,stead=debug,sqlx=warn".into()));
    assert_eq!(lines("the level of the log is changed"), 1, "{}", server.log());
    server.get("/health/live").send().await.unwrap();
    assert!(lines("\"DEBUG\"") > 0, "{}", server.log());

    level(operators, Some(json!({"level": "error"}))).await;
    let before = server.log().lines().count();
    ask().await.unwrap();
    assert_eq!(server.log().lines().count(), before);

    let long = |name| json!({"level": vec![name; 80_000].join(",")});
    for (wish, pointer, code) in [
        (long("a=warn"), "/level", "too_long"),
        (long("nonsense"), "/level", "too_long"),
        (json!({"level": "loud"}), "/level", "invalid_log_level"),
        (json!({"level": "stead=loud"}), "/level", "invalid_log_level"),
        (json!({}), "/level", "required"),
        (json!({"level": "info", "format": "json"}), "/format", "unknown_field"),
    ] {
        let (status, problem) = level(operators, Some(wish)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
            (&pointer.into(), &code.into())
        );
    }
    assert_eq!(level(operators, None).await.1["level"], "error", "what was refused changed nothing");
    // Nobody but operators gets there.
    assert_eq!(server.get("/log-level").send().await.unwrap().status(), 404);
    server.stop();

    let server = Server::start(&folder);
    assert_eq!(level(operators, None).await.1["level"], "info");
    server.stop();
}

#[tokio::test]
async fn no_page_of_a_browser_changes_the_level() {
    let operators = free_port();
    let address = format!("127.0.0.1:{operators}");
    let folder = Folder::new().with("APP_SERVER__MANAGEMENT_ADDRESS", address);
    let server = Server::start(&folder);
    let url = format!("http://127.0.0.1:{operators}/log-level");
    for origin in ["http://evil.example", "http://localhost:3000"] {
        let put = reqwest::Client::new().put(&url).header("origin", origin).json(&json!({"level": "off"}));
        let answer = put.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(answer.headers().get("access-control-allow-origin").is_none());
    }
    assert_eq!(level(operators, None).await.1["level"], "info");
    server.stop();
}

#[tokio::test]
async fn on_postgres_each_request_leaves_its_line_however_many_statements_it_took() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let folder = Folder::new().with("APP_DATABASE__URL", database.url()).with("APP_LOG__FORMAT", "json");
    let server = Server::start(&folder);
    for _ in 0..10 {
        server.login("nobody@example.com", "wrong").await;
    }
    let lines = server.log().lines().filter(|line| line.contains("/api/v1/auth/login")).count();
    assert_eq!(lines, 10, "{}", server.log());
    server.stop();
}

#[test]
fn a_configured_level_has_an_end_too() {
    let check = |level: String| Folder::new().with("APP_LOG__LEVEL", level).run("config check");
    check(vec!["a=warn"; 100].join(",")).expect(0);
    check(vec!["a=warn"; 200].join(",")).fails(&["log.level"]);
}
