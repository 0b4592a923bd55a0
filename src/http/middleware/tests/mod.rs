//! The stack as callers see it.

mod errors;
mod fuzz;
mod headers;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Html;
use axum::routing::{get, post};
use deserr::Deserr;
use serde_json::Value;
use tower::ServiceExt;

use super::{Cors, Stack, stack};
use crate::base::clock::Clock;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::base::random::Random;
use crate::http::etag::Tag;
use crate::http::extract::{ClientAddress, Faults, Json, Path, RequestId, Text};
use crate::http::load::{Load, Room};
use crate::http::reply::{Created, NoContent, Verbatim};
use crate::http::{Code, Problem};
use crate::tasks::Tasks;

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Registration {
    email: Email,
    name: Text<1, 100>,
}

fn settings() -> Stack {
    Stack {
        clock: Clock::system(),
        random: Random::seeded(7),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        cors: Cors { allowed_origins: vec!["https://app.example.com".to_owned()], allow_credentials: false },
        request_timeout: Duration::from_millis(200),
        load: Load::new(Room { working: 9, receiving: 9, sending: 9 }, &[]),
        meters: None,
        tasks: Tasks::default(),
        https: true,
        debug: false,
    }
}

async fn who(ClientAddress(ip): ClientAddress, id: RequestId) -> String {
    format!("{ip} {}", id.as_str())
}

fn routes() -> Router {
    let down = (StatusCode::SERVICE_UNAVAILABLE, Verbatim, axum::Json(serde_json::json!({"status": "down"})));
    Router::new()
        .route(
            "/users",
            post(|Json(new): Json<Registration>| async move {
                Created { location: format!("/users/{}", new.email), tag: Tag::new(1, ""), body: new.name }
            }),
        )
        .route("/users/{id}", get(|Path(id): Path<UserId>| async move { axum::Json(id) }).delete(NoContent))
        .route("/raw", post(|body: Bytes| async move { body.len().to_string() }))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("secret detail")
                }
            }),
        )
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(60)).await }))
        .route("/teapot", get((StatusCode::IM_A_TEAPOT, [(RETRY_AFTER, "9")], "short and stout")))
        .route("/broken", get(|| async { Problem::new(Code::INTERNAL_ERROR).caused_by("disk on fire") }))
        .route("/page", get(|| async { ([("content-security-policy", "default-src 'self'")], Html("<p>")) }))
        .route("/health/ready", get(|| async { down }))
        .route("/who", get(who))
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks all that every problem has, and gives its code.
    fn problem(&self) -> String {
        let json = self.json();
        assert_eq!(self.header(CONTENT_TYPE), "application/problem+json", "{json}");
        assert_eq!(json["status"], self.status.as_u16());
        assert_eq!(json["request_id"], self.header("x-request-id"));
        assert_eq!(json["type"], format!("/errors/{}", json["code"].as_str().unwrap()));
        assert!(["title", "detail"].iter().all(|text| !json[text].as_str().unwrap().is_empty()));
        assert_eq!(
            (self.header(CACHE_CONTROL), self.header("x-content-type-options")),
            ("no-store", "nosniff")
        );
        assert_eq!(json.get("debug"), None);
        json["code"].as_str().unwrap().to_owned()
    }
}

async fn ask_of(settings: Stack, request: Request) -> Answer {
    let response = stack(routes(), settings).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body).unwrap() }
}

async fn ask(request: Request) -> Answer {
    ask_of(settings(), request).await
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request {
    let start = Request::builder().method(method).uri(path).header("host", "api.example");
    headers
        .iter()
        .fold(start, |request, (name, value)| request.header(*name, *value))
        .body(body.into())
        .unwrap()
}

fn fetch(path: &str, headers: &[(&str, &str)]) -> Request {
    request(Method::GET, path, headers, Body::empty())
}

fn send(body: impl Into<Body>) -> Request {
    request(Method::POST, "/users", &[("content-type", "application/json")], body)
}
