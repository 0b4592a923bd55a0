//! A handler that panics, under the stack that every server has.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use stead::base::clock::Clock;
use stead::base::random::Random;
use stead::http::load::{Load, Room};
use stead::http::middleware::{Cors, Stack, stack};
use stead::tasks::Tasks;
use tower::ServiceExt;

async fn fails(_: ()) -> &'static str {
    panic!("hunter2")
}

#[tokio::test]
async fn a_panic_is_a_problem_like_any_other_and_the_server_goes_on() {
    let layers = Stack {
        clock: Clock::system(),
        random: Random::seeded(7),
        trusted_proxies: Vec::new(),
        cors: Cors::default(),
        request_timeout: Duration::from_secs(5),
        load: Load::new(Room::by_connections(1), &[]),
        meters: None,
        tasks: Tasks::default(),
        https: false,
        debug: false,
    };
    let routes =
        Router::new().route("/panic", get(async || fails(()).await)).route("/fine", get(async || "fine"));
    let server = stack(routes, layers);
    for _ in 0..2 {
        let request = Request::builder()
            .uri("/panic")
            .header("host", "api.example")
            .header("x-request-id", "mine")
            .body(Body::empty())
            .unwrap();
        let response = server.clone().oneshot(request).await.unwrap();
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(response.status().as_u16(), 500);
        assert_eq!(header("content-type").as_deref(), Some("application/problem+json"));
        assert_eq!(
            (header("x-request-id").as_deref(), header("cache-control").as_deref()),
            (Some("mine"), Some("no-store"))
        );
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&json["code"], &json["request_id"]), (&"internal_error".into(), &"mine".into()));
        assert!(!json.to_string().contains("hunter2") && json.get("debug").is_none(), "{json}");
    }
    let fine = server
        .oneshot(Request::builder().uri("/fine").header("host", "api.example").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(fine.status().as_u16(), 200);
}
