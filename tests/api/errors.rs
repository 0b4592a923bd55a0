//! Errors, whichever layer makes them: one shape, and nothing that is nobody's business.

mod catalogue;
mod contention;
mod inside;
mod outage;
mod panic;
mod proxy;

use serde_json::{Value, json};

use crate::harness::{App, Reply, behaviour};

const LOGIN: &str = "/api/v1/auth/login";

/// Claims a problem, and what goes with every problem.
#[track_caller]
fn problem(reply: Reply, status: u16, code: &str) -> Reply {
    let reply = reply.refused(status, code);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("content-language"), Some("en"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
    assert!(vary.iter().any(|value| *value == "accept-language"), "{vary:?}");
    assert!(reply.header("x-request-id").is_some_and(|id| id.len() >= 16));
    let body = reply.json();
    let known = ["type", "title", "status", "detail", "code", "request_id", "errors", "debug"];
    let unknown: Vec<_> =
        body.as_object().unwrap().keys().filter(|key| !known.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    reply
}

behaviour! {
    async fn every_bad_body_is_named(app: App) {
        let json = "application/json";
        let sound = json!({"email": "ada@example.com", "password": "correct horse battery staple"}).to_string();
        let large = json!({"email": "a".repeat(1 << 20), "password": "x"}).to_string();
        let cases: [(&str, Vec<u8>, u16, &str); 13] = [
            (json, b"".to_vec(), 400, "malformed_json"),
            (json, b"{\"email\": ".to_vec(), 400, "malformed_json"),
            (json, b"{\"email\": \"\xff\", \"password\": \"x\"}".to_vec(), 400, "malformed_json"),
            (json, b"\xff\xfe{\0}\0".to_vec(), 400, "malformed_json"),
            (json, b"{\"email\": \"a@example.com\", \"email\": \"b@example.com\"}".to_vec(), 400, "malformed_json"),
            (json, b"[]".to_vec(), 422, "validation_failed"),
            (json, b"null".to_vec(), 422, "validation_failed"),
            (json, b"{\"email\": 7, \"password\": true}".to_vec(), 422, "validation_failed"),
            (json, b"{\"email\": \"a@example.com\", \"password\": \"x\", \"admin\": 1}".to_vec(), 422, "unknown_field"),
            ("text/plain", sound.clone().into_bytes(), 415, "unsupported_media_type"),
            ("application/x-www-form-urlencoded", b"email=ada".to_vec(), 415, "unsupported_media_type"),
            ("application/merge-patch+xml", sound.clone().into_bytes(), 415, "unsupported_media_type"),
            (json, large.into_bytes(), 413, "payload_too_large"),
        ];
        for (kind, body, status, code) in cases {
            let reply = app.anonymous().request("POST", LOGIN).body(kind, body).await;
            problem(reply, status, code);
        }
        let without_type = app.anonymous().request("POST", LOGIN).await;
        problem(without_type, 415, "unsupported_media_type");
        let charset = app.anonymous().request("POST", LOGIN).body("application/json; charset=utf-8", sound).await;
        problem(charset, 401, "invalid_credentials");
    }

    async fn all_faults_of_a_body_are_told_at_once(app: App) {
        let body = json!({"email": "nobody", "display_name": "\u{7}", "roles": ["admin"]});
        let reply = problem(app.anonymous().post("/api/v1/auth/register", body).await, 422, "validation_failed");
        let faults = reply.faults();
        let found: Vec<_> = faults.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
        assert_eq!(found, [
            ("/display_name", "invalid_characters"),
            ("/email", "invalid_email"),
            ("/password", "required"),
            ("/roles", "unknown_field"),
        ]);
        assert_eq!(reply.json()["detail"], "4 fields are not valid");
    }

    async fn every_request_that_leads_nowhere_is_named(app: App) {
        let (user, admin) = (app.user().await, app.admin().await);
        let nobody = app.anonymous();
        let long = format!("/health/live?{}", "a".repeat(9000));
        let heavy = "a".repeat(17_000);
        for (reply, status, code) in [
            (nobody.get("/").await, 404, "not_found"),
            (nobody.get("/api/v1/nothing").await, 404, "not_found"),
            (nobody.get("/api/v2/users").await, 404, "not_found"),
            (nobody.get("/health/live/").await, 404, "not_found"),
            (nobody.get("//health/live").await, 404, "not_found"),
            (nobody.get("/../etc/passwd").await, 404, "not_found"),
            (nobody.get("/%2e%2e/%00").await, 404, "not_found"),
            (user.delete("/api/v1/auth/sessions/not-an-id").await, 404, "not_found"),
            (nobody.get(LOGIN).await, 405, "method_not_allowed"),
            (nobody.request("TRACE", "/health/live").await, 405, "method_not_allowed"),
            (nobody.get("/health/live").header("accept", "image/png").await, 406, "not_acceptable"),
            (nobody.get(&long).await, 414, "uri_too_long"),
            (nobody.get("/health/live").header("x-heavy", &heavy).await, 431, "headers_too_large"),
            (nobody.get("/api/v1/users/me").await, 401, "unauthenticated"),
            (nobody.with_token("no.such.token").get("/api/v1/users/me").await, 401, "invalid_token"),
            (user.get("/api/v1/users").await, 403, "forbidden"),
            (admin.get("/api/v1/users?limit=0").await, 400, "invalid_query"),
            (admin.get("/api/v1/users?limti=5").await, 400, "invalid_query"),
            (admin.get("/api/v1/users?status=asleep").await, 400, "invalid_query"),
            (admin.get("/api/v1/users?role=%ff").await, 400, "invalid_query"),
            (admin.get("/api/v1/users?role=%00").await, 400, "invalid_query"),
            (admin.get("/api/v1/users?cursor=%00").await, 400, "invalid_cursor"),
            (admin.get("/api/v1/users?cursor=forged").await, 400, "invalid_cursor"),
            (app.operator().get("/api/v1/users/me").await, 404, "not_found"),
            (app.operator().request("POST", "/health/live").await, 405, "method_not_allowed"),
        ] {
            problem(reply, status, code);
        }
    }

    async fn a_wrong_method_names_the_right_ones(app: App) {
        for (method, path, allowed) in [
            ("GET", LOGIN, "POST"),
            ("POST", "/health/ready", "GET,HEAD"),
            ("PUT", "/api/v1/users/me", "DELETE,GET,HEAD,PATCH"),
            ("PATCH", "/api/v1/auth/sessions", "DELETE,GET,HEAD"),
            ("BREW", "/errors", "GET,HEAD"),
        ] {
            let reply = problem(app.anonymous().request(method, path).await, 405, "method_not_allowed");
            let mut found: Vec<_> = reply.header("allow").unwrap().split(',').map(str::trim).collect();
            found.sort_unstable();
            assert_eq!(found.join(","), allowed, "{method} {path}");
        }
    }

    async fn head_is_get_without_its_body(app: App) {
        for (path, status) in [("/health/live", 200), ("/errors/not_found", 200), ("/nothing", 404)] {
            let (get, head) = (app.anonymous().get(path).await, app.anonymous().request("HEAD", path).await);
            assert_eq!((get.status.as_u16(), head.status.as_u16(), head.body.len()), (status, status, 0), "{path}");
            assert_eq!(get.header("content-type"), head.header("content-type"), "{path}");
            // The ids in two problems are as long as each other.
            assert_eq!(head.header("content-length").map(str::parse), Some(Ok(get.body.len())), "{path}");
        }
    }

    async fn errors_speak_chinese_to_whoever_asks_for_it(app: App) {
        let body = json!({"email": "nobody", "password": 1});
        let asked = app.anonymous().post(LOGIN, body).header("accept-language", "fr, zh-Hans-CN;q=0.9, en;q=0.1");
        let reply = asked.await.refused(422, "validation_failed");
        assert_eq!(reply.header("content-language"), Some("zh"));
        let is_chinese = |text: &Value| text.as_str().unwrap().contains(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        let json = reply.json();
        assert!(is_chinese(&json["title"]) && is_chinese(&json["detail"]), "{json}");
        let faults = json["errors"].as_array().unwrap();
        assert!(faults.len() == 2 && faults.iter().all(|fault| is_chinese(&fault["message"])), "{json}");
        for other in ["en", "fr", "", "*", "zh;q=0", "\u{e9}"] {
            let reply = app.anonymous().get("/nothing").header("accept-language", other).await;
            problem(reply, 404, "not_found");
        }
    }
}
