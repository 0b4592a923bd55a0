//! `GET /errors`: what `type` leads to.

use crate::harness::{App, behaviour};

/// The codes that clients may have been written against. Codes are added, never renamed or taken away.
const PROMISED: [(u16, &[&str]); 16] = [
    (400, &["malformed_json", "invalid_cursor", "invalid_query"]),
    (
        401,
        &[
            "unauthenticated",
            "invalid_token",
            "invalid_credentials",
            "invalid_refresh_token",
            "refresh_token_reused",
        ],
    ),
    (403, &["forbidden", "email_not_verified", "account_suspended", "registration_closed"]),
    (404, &["not_found"]),
    (405, &["method_not_allowed"]),
    (406, &["not_acceptable"]),
    (408, &["request_timeout"]),
    (409, &["email_taken", "last_admin", "conflict", "idempotency_in_progress"]),
    (412, &["precondition_failed"]),
    (413, &["payload_too_large"]),
    (421, &["misdirected_request"]),
    (
        422,
        &[
            "validation_failed",
            "unknown_field",
            "weak_password",
            "invalid_or_expired_token",
            "idempotency_key_reused",
        ],
    ),
    (429, &["rate_limited", "too_many_attempts"]),
    (500, &["internal_error"]),
    (503, &["overloaded", "database_unavailable"]),
    (504, &["timeout"]),
];

behaviour! {
    async fn every_code_that_was_promised_is_listed_with_its_status(app: App) {
        let reply = app.anonymous().get("/errors").await.expect(200);
        assert_eq!(reply.header("cache-control"), Some("public, max-age=3600"));
        let list = reply.json()["items"].as_array().unwrap().clone();
        for (status, codes) in PROMISED {
            for code in codes {
                let item = list.iter().find(|item| item["code"] == *code);
                assert_eq!(item.unwrap_or_else(|| panic!("no {code}"))["status"], status, "{code}");
            }
        }
    }

    async fn the_type_of_every_problem_resolves_in_both_languages(app: App) {
        let list = app.anonymous().get("/errors").await.expect(200).json();
        for item in list["items"].as_array().unwrap() {
            let path = format!("/errors/{}", item["code"].as_str().unwrap());
            let english = app.anonymous().get(&path).await.expect(200);
            assert_eq!((&english.json()["title"], english.header("content-language")), (&item["title"], Some("en")));
            let chinese = app.anonymous().get(&path).header("accept-language", "zh-CN").await.expect(200);
            assert_eq!(chinese.header("content-language"), Some("zh"));
            for text in ["title", "meaning", "remedy"] {
                let (english, chinese) = (&english.json()[text], &chinese.json()[text]);
                assert!(english.as_str().is_some_and(|text| text.len() > 4), "{path} {text}");
                assert!(chinese.as_str().is_some_and(|text| !text.is_ascii()), "{path} {text}");
            }
        }
        app.anonymous().get("/errors/no_such_code").await.refused(404, "not_found");
    }
}
