//! Every layer's errors, in one shape.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, ALLOW, CONNECTION, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HOST,
    RETRY_AFTER, VARY,
};
use axum::http::{Method, StatusCode, Version};
use futures_util::stream;

use super::{Stack, ask, ask_of, fetch, request, send, settings};

/// Asks each, and holds the answer against the status and the code that belong to it.
async fn check<const N: usize>(cases: [(Request, u16, &str); N]) {
    for (request, status, code) in cases {
        let what = format!("{} {:.40}", request.method(), request.uri());
        let answer = ask(request).await;
        let found = (answer.problem(), answer.status.as_u16());
        assert_eq!(found, (code.to_owned(), status), "{what}: {}", answer.body);
        assert!(!answer.body.contains("secret") && !answer.body.contains("fire"), "{what}");
    }
}

#[tokio::test]
async fn every_bad_body_is_a_problem() {
    let text = [("content-type", "text/plain")];
    let megabyte_and_one = format!("\"{}\"", "a".repeat(1 << 20));
    let unsized_body = || {
        let half = || io::Result::Ok(Bytes::from(vec![b' '; 1 << 19]));
        Body::from_stream(stream::iter([half(), half(), half()]))
    };
    let lies = [("content-type", "application/json"), ("content-length", "1048577")];
    check([
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
        (send(unsized_body()), 413, "payload_too_large"),
        (request(Method::POST, "/raw", &[], unsized_body()), 413, "payload_too_large"),
        (request(Method::POST, "/users", &lies, "{}"), 413, "payload_too_large"),
    ])
    .await;
}

#[tokio::test]
async fn every_other_error_of_every_layer_is_a_problem() {
    let long = format!("/users?{}", "a".repeat(8 << 10));
    let heavy = "a".repeat(17 << 10);
    let image = [("accept", "image/png")];
    check([
        (fetch("/nope", &[]), 404, "not_found"),
        (fetch("//users", &[]), 404, "not_found"),
        (fetch("/users/", &[]), 404, "not_found"),
        (fetch("/users/not-an-id", &[]), 404, "not_found"),
        (fetch("/users/%ff", &[]), 404, "not_found"),
        (request(Method::PUT, "/users", &[], Body::empty()), 405, "method_not_allowed"),
        (request(Method::TRACE, "/", &[], Body::empty()), 405, "method_not_allowed"),
        (fetch("/users/01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa", &image), 406, "not_acceptable"),
        (fetch(&long, &[]), 414, "uri_too_long"),
        (fetch("/who", &[("x-heavy", &heavy)]), 431, "headers_too_large"),
        (fetch("/teapot", &[]), 400, "bad_request"),
        (fetch("/panic", &[]), 500, "internal_error"),
        (fetch("/broken", &[]), 500, "internal_error"),
        (fetch("/slow", &[]), 504, "timeout"),
    ])
    .await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_the_callers_timeout_not_ours() {
    let answer = ask(send(Body::from_stream(stream::pending::<io::Result<Bytes>>()))).await;
    assert_eq!((answer.problem().as_str(), answer.header(CONNECTION)), ("request_timeout", "close"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read_and_its_connection_ends() {
    let piece = || Ok::<_, io::Error>(Bytes::from(vec![b' '; 64 << 10]));
    let long = || stream::iter((0..17).map(move |_| piece()));
    let announced = [("content-length", "1114112"), ("content-type", "application/json")];
    for request in [
        send(Body::from_stream(long())),
        request(Method::POST, "/users", &announced, Body::from_stream(long())),
    ] {
        let answer = ask(request).await;
        assert_eq!((answer.problem().as_str(), answer.header(CONNECTION)), ("payload_too_large", "close"));
    }
}

#[tokio::test]
async fn several_faults_are_told_at_once_and_counted() {
    let answer = ask(send(r#"{"email": "nobody", "admin": true}"#)).await.json();
    assert_eq!(answer["detail"], "3 fields are not valid");
    let mut found: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["pointer"].as_str(), f["code"].as_str()))
        .collect();
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
async fn causes_are_shown_in_dev_and_testing_only() {
    let shown = ask_of(Stack { debug: true, ..settings() }, fetch("/broken", &[])).await;
    assert_eq!(shown.json()["debug"], serde_json::json!(["disk on fire"]));
    assert_eq!(ask(fetch("/broken", &[])).await.json().get("debug"), None);
}

#[tokio::test]
async fn over_http2_the_host_is_the_one_that_the_request_is_for() {
    for (host, status) in [("api.example", 200), ("API.example", 200), ("other.example", 400)] {
        let mut request = request(Method::GET, "https://api.example/who", &[], Body::empty());
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().insert(HOST, host.parse().unwrap());
        assert_eq!(ask(request).await.status.as_u16(), status, "{host}");
    }
}
