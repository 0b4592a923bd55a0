//! What every response carries, and what is believed of a request.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Method;

use super::{Cors, Stack, ask, ask_of, fetch, request, settings};

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
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
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
    let answer =
        ask_of(Stack { cors, ..settings() }, fetch("/who", &[("origin", "https://a.example")])).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}
