//! The stack as callers see it: every layer's errors in one shape, and what every response carries.

use std::net::SocketAddr;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Html;
use axum::routing::{get, post};
use deserr::Deserr;
use futures_util::stream;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::http::extract::{ClientAddress, Faults, Json, Path, RequestId, Text};
use crate::http::reply::{Created, NoContent, Verbatim};
use crate::http::{Code, Problem};

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
        https: true,
        debug: false,
    }
}

fn routes() -> Router {
    let down = (StatusCode::SERVICE_UNAVAILABLE, Verbatim, axum::Json(serde_json::json!({"status": "down"})));
    Router::new()
        .route("/users", post(|Json(new): Json<Registration>| async move {
            Created { location: format!("/users/{}", new.email), body: new.name }
        }))
        .route("/users/{id}", get(|Path(id): Path<UserId>| async move { axum::Json(id) }).delete(|| async { NoContent }))
        .route("/raw", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/panic", get(|| async { if true { panic!("secret detail") } }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(60)).await }))
        .route("/teapot", get(|| async { (StatusCode::IM_A_TEAPOT, [(RETRY_AFTER, "9")], "short and stout") }))
        .route("/broken", get(|| async { Problem::new(Code::INTERNAL_ERROR).caused_by("disk on fire") }))
        .route("/page", get(|| async { ([("content-security-policy", "default-src 'self'")], Html("<p>")) }))
        .route("/health/ready", get(|| async { down }))
        .route("/who", get(|ClientAddress(ip): ClientAddress, id: RequestId| async move { format!("{ip} {}", id.as_str()) }))
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
        assert_eq!((self.header(CACHE_CONTROL), self.header("x-content-type-options")), ("no-store", "nosniff"));
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
    let start = Request::builder().method(method).uri(path);
    headers.iter().fold(start, |request, (name, value)| request.header(*name, *value)).body(body.into()).unwrap()
}

fn fetch(path: &str, headers: &[(&str, &str)]) -> Request {
    request(Method::GET, path, headers, Body::empty())
}

fn send(body: impl Into<Body>) -> Request {
    request(Method::POST, "/users", &[("content-type", "application/json")], body)
}

#[tokio::test]
async fn every_error_of_every_layer_is_a_problem() {
    let text = [("content-type", "text/plain")];
    let megabyte_and_one = format!("\"{}\"", "a".repeat(1 << 20));
    let unsized_body = Body::from_stream(stream::iter(vec![Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 19])); 3]));
    let unsized_raw = Body::from_stream(stream::iter(vec![Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 19])); 3]));
    let long = format!("/users?{}", "a".repeat(8 << 10));
    let heavy = "a".repeat(17 << 10);
    let lies = [("content-type", "application/json"), ("content-length", "1048577")];
    for (request, status, code) in [
        (send("{"), 400, "malformed_json"),
        (send(""), 400, "malformed_json"),
        (send(&b"{\"email\": \"\xff\"}"[..]), 400, "malformed_json"),
        (send("[".repeat(10_000)), 400, "malformed_json"),
        (send(r#"{"email": "a@b.example", "email": "c@d.example", "name": "x"}"#), 400, "malformed_json"),
        (send("[]"), 422, "validation_failed"),
        (send(r#"{"email": 7, "name": ""}"#), 422, "validation_failed"),
        (send(r#"{"email": "a@b.example", "name": "x", "roles": ["admin"]}"#), 422, "unknown_field"),
        (request(Method::POST, "/users", &text, "{}"), 415, "unsupported_media_type"),
        (request(Method::POST, "/users", &[], "{}"), 415, "unsupported_media_type"),
        (send(megabyte_and_one), 413, "payload_too_large"),
        (send(unsized_body), 413, "payload_too_large"),
        (request(Method::POST, "/raw", &[], unsized_raw), 413, "payload_too_large"),
        (request(Method::POST, "/users", &lies, "{}"), 413, "payload_too_large"),
        (fetch("/nope", &[]), 404, "not_found"),
        (fetch("//users", &[]), 404, "not_found"),
        (fetch("/users/", &[]), 404, "not_found"),
        (fetch("/users/not-an-id", &[]), 404, "not_found"),
        (fetch("/users/%ff", &[]), 404, "not_found"),
        (request(Method::PUT, "/users", &[], Body::empty()), 405, "method_not_allowed"),
        (request(Method::TRACE, "/", &[], Body::empty()), 405, "method_not_allowed"),
        (fetch("/users/01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa", &[("accept", "image/png")]), 406, "not_acceptable"),
        (fetch(&long, &[]), 414, "uri_too_long"),
        (fetch("/who", &[("x-heavy", &heavy)]), 431, "headers_too_large"),
        (fetch("/teapot", &[]), 400, "bad_request"),
        (fetch("/panic", &[]), 500, "internal_error"),
        (fetch("/broken", &[]), 500, "internal_error"),
        (fetch("/slow", &[]), 504, "timeout"),
    ] {
        let what = format!("{} {:.40}", request.method(), request.uri());
        let answer = ask(request).await;
        assert_eq!((answer.problem().as_str(), answer.status.as_u16()), (code, status), "{what}: {}", answer.body);
        assert!(!answer.body.contains("secret") && !answer.body.contains("fire"), "{what}");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_the_callers_timeout_not_ours() {
    for path in ["/users", "/raw"] {
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let answer = ask(request(Method::POST, path, &[("content-type", "application/json")], body)).await;
        assert_eq!((answer.problem().as_str(), answer.header(CONNECTION)), ("request_timeout", "close"));
    }
}

#[tokio::test]
async fn several_faults_are_told_at_once_and_counted() {
    let answer = ask(send(r#"{"email": "nobody", "admin": true}"#)).await.json();
    assert_eq!(answer["detail"], "3 fields are not valid");
    let mut found: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|f| (f["pointer"].as_str(), f["code"].as_str())).collect();
    found.sort();
    let expected = [("/admin", "unknown_field"), ("/email", "invalid_email"), ("/name", "required")];
    assert_eq!(found, expected.map(|(pointer, code)| (Some(pointer), Some(code))));
}

#[tokio::test]
async fn errors_speak_the_callers_language() {
    let mut bad = send(r#"{"email": "nobody", "name": "x"}"#);
    bad.headers_mut().insert(ACCEPT_LANGUAGE, "zh-CN,en;q=0.5".parse().unwrap());
    let answer = ask(bad).await;
    let json = answer.json();
    assert_eq!((&json["title"], &json["detail"]), (&"请求无效".into(), &"有 1 个字段无效".into()));
    assert_eq!(json["errors"][0]["message"], "这不是邮箱地址");
    assert_eq!(answer.header(CONTENT_LANGUAGE), "zh");
    let vary: Vec<_> = answer.headers.get_all(VARY).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.contains(&"accept-language"), "{vary:?}");
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let answer = ask(request(Method::PUT, "/users/1", &[], Body::empty())).await;
    assert_eq!((answer.status, answer.header(ALLOW)), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD,DELETE"));
    let answer = ask(request(Method::TRACE, "/users", &[("cookie", "a=b")], Body::empty())).await;
    assert_eq!((answer.header(ALLOW), answer.body.contains("a=b")), ("POST", false));
}

#[tokio::test]
async fn a_request_keeps_a_sane_id_and_gets_a_fresh_one_for_any_other() {
    let answer = ask(fetch("/who", &[("x-request-id", "Ab.1_-")])).await;
    assert_eq!((answer.header("x-request-id"), answer.body.as_str()), ("Ab.1_-", "0.0.0.0 Ab.1_-"));
    for bad in ["", "a b", "<script>", &"a".repeat(129)] {
        let id = ask(fetch("/nope", &[("x-request-id", bad)])).await.header("x-request-id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_is_calling() {
    for (peer, expected) in [("192.0.2.1:9", "192.0.2.1 "), ("10.0.0.1:9", "203.0.113.9 ")] {
        let mut request = fetch("/who", &[("x-forwarded-for", "8.8.8.8, 203.0.113.9")]);
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        assert!(ask(request).await.body.starts_with(expected));
    }
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let answer = ask(request(Method::HEAD, "/nope", &[], Body::empty())).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NOT_FOUND, ""));
    assert_eq!(answer.header(CONTENT_TYPE), "application/problem+json");
    assert!(answer.header(CONTENT_LENGTH).parse::<usize>().unwrap() > 100);
}

#[tokio::test]
async fn what_is_no_error_is_left_alone() {
    let created = ask(send(r#"{"email": "a@b.example", "name": " Ada "}"#)).await;
    assert_eq!((created.status, created.header("location")), (StatusCode::CREATED, "/users/a@b.example"));
    assert_eq!((created.header(CONTENT_TYPE), created.body.as_str()), ("application/json", "\"Ada\""));
    let down = ask(fetch("/health/ready", &[])).await;
    assert_eq!((down.status.as_u16(), down.body.as_str()), (503, r#"{"status":"down"}"#));
    let page = ask(fetch("/page", &[(ACCEPT.as_str(), "text/html")])).await;
    assert_eq!((page.status, page.header("content-security-policy")), (StatusCode::OK, "default-src 'self'"));
}

#[tokio::test]
async fn a_plain_error_keeps_what_its_headers_say() {
    assert_eq!(ask(fetch("/teapot", &[])).await.header(RETRY_AFTER), "9");
}

#[tokio::test]
async fn every_response_carries_the_headers_that_restrain_browsers() {
    let answer = ask(fetch("/who", &[])).await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ("cache-control", "no-store"),
        ("server", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let plain = ask_of(Stack { https: false, ..settings() }, fetch("/who", &[])).await;
    assert_eq!(plain.header("strict-transport-security"), "");
}

#[tokio::test]
async fn other_origins_see_only_what_they_are_allowed() {
    let preflight = |origin| {
        let headers = [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
        ask(request(Method::OPTIONS, "/users", &headers, Body::empty()))
    };
    let ours = preflight("https://app.example.com").await;
    assert_eq!(ours.header("access-control-allow-origin"), "https://app.example.com");
    assert!(ours.header("access-control-allow-headers").contains("authorization"));
    assert_eq!(ours.header("access-control-allow-credentials"), "");
    for origin in ["https://evil.example", "null"] {
        assert_eq!(preflight(origin).await.header("access-control-allow-origin"), "", "{origin}");
    }
    let seen = ask(fetch("/nope", &[("origin", "https://app.example.com")])).await;
    assert_eq!(seen.problem(), "not_found");
    assert_eq!(
        seen.header("access-control-expose-headers"),
        "etag,link,location,retry-after,ratelimit,ratelimit-policy,x-request-id"
    );
}

#[tokio::test]
async fn a_star_in_cors_never_goes_with_credentials() {
    let cors = Cors { allowed_origins: vec!["*".to_owned()], allow_credentials: true };
    let answer = ask_of(Stack { cors, ..settings() }, fetch("/who", &[("origin", "https://a.example")])).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn causes_are_shown_in_dev_and_testing_only() {
    let shown = ask_of(Stack { debug: true, ..settings() }, fetch("/broken", &[])).await;
    assert_eq!(shown.json()["debug"], serde_json::json!(["disk on fire"]));
    assert_eq!(ask(fetch("/broken", &[])).await.json().get("debug"), None);
}
