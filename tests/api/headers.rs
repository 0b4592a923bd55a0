//! What every response carries, and what pages of other origins may see.

use crate::harness::{App, Stage, behaviour};

const OURS: &str = "https://app.example.com";

behaviour! {
    async fn a_request_id_is_the_callers_if_it_is_harmless(app: App) {
        let long = "a".repeat(128);
        for sane in ["01J", "a-b_c.D9", &long] {
            for path in ["/health/live", "/nothing", "/docs"] {
                let reply = app.anonymous().get(path).header("x-request-id", sane).await;
                assert_eq!(reply.header("x-request-id"), Some(sane), "{path}");
            }
        }
        let too_long = "a".repeat(129);
        let mut fresh = std::collections::BTreeSet::new();
        for other in ["", " ", "a b", "a\tb", "<script>", "\u{e9}", "a,b", "{{7*7}}", &too_long] {
            let reply = app.anonymous().get("/nothing").header("x-request-id", other).await.refused(404, "not_found");
            let id = reply.header("x-request-id").unwrap().to_owned();
            assert!(id != other && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{id}");
            assert!(fresh.insert(id), "each has its own");
        }
    }

    async fn every_response_keeps_browsers_from_doing_harm(app: App) {
        let ada = app.user().await;
        for (reply, is_page) in [
            (app.anonymous().get("/health/live").await, false),
            (app.anonymous().get("/nothing").await, false),
            (ada.get("/api/v1/users/me").await, false),
            (app.anonymous().login(&ada.email, "wrong").await, false),
            (app.anonymous().get("/openapi.json").await, false),
            (app.anonymous().get("/docs").await, true),
            (app.anonymous().get("/verify-email").await, true),
            (app.operator().get("/health/live").await, false),
        ] {
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
            assert_eq!(reply.header("x-frame-options"), Some("DENY"));
            assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"));
            assert_eq!(reply.header("strict-transport-security"), None, "this one is not https");
            assert!(reply.header("server").is_none() && reply.header("x-powered-by").is_none());
            let policy = reply.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(policy.contains("script-src"), is_page, "{policy}");
            assert!(!policy.split(';').any(|rule| rule.contains("script-src") && rule.contains("unsafe")), "{policy}");
        }
    }

    async fn what_is_about_somebody_is_stored_nowhere(app: App) {
        let ada = app.user().await;
        let login = app.anonymous().login(&ada.email, crate::harness::PASSWORD).await.expect(200);
        let refresh = app.anonymous().refresh(&ada.refresh_token).await.expect(200);
        for reply in [login, refresh, ada.get("/api/v1/users/me").await, ada.get("/api/v1/auth/sessions").await] {
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
    }

    async fn behind_https_browsers_are_told_to_stay_there(stage: Stage) {
        let app = stage.with("server.public_url", "https://api.example.com").start().await;
        for path in ["/health/live", "/nothing"] {
            let reply = app.anonymous().get(path).await;
            assert!(reply.header("strict-transport-security").is_some_and(|value| value.starts_with("max-age=63072000")));
        }
    }

    async fn pages_of_other_origins_may_call_only_if_they_are_named(stage: Stage) {
        let app = stage.with("cors.allowed_origins", OURS).start().await;
        let preflight = |origin: &str| {
            let request = app.anonymous().request("OPTIONS", "/api/v1/users/me").header("origin", origin);
            request.header("access-control-request-method", "PATCH").header("access-control-request-headers", "authorization,if-match")
        };
        let ours = preflight(OURS).await.expect(200);
        assert_eq!(ours.header("access-control-allow-origin"), Some(OURS));
        assert_eq!(ours.header("access-control-allow-credentials"), None);
        let methods = ours.header("access-control-allow-methods").unwrap();
        assert!(["GET", "POST", "PUT", "PATCH", "DELETE"].iter().all(|method| methods.contains(method)), "{methods}");
        let headers = ours.header("access-control-allow-headers").unwrap().to_lowercase();
        for header in ["authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "x-request-id"] {
            assert!(headers.contains(header), "{header} in {headers}");
        }
        for origin in ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null"] {
            let reply = preflight(origin).await;
            assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}");
        }
        for path in ["/health/live", "/nothing", "/api/v1/users/me"] {
            let reply = app.anonymous().get(path).header("origin", OURS).await;
            assert_eq!(reply.header("access-control-allow-origin"), Some(OURS), "{path}");
            let exposed = reply.header("access-control-expose-headers").unwrap().to_lowercase();
            for header in ["etag", "link", "location", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id"] {
                assert!(exposed.split(',').any(|name| name.trim() == header), "{header} in {exposed}");
            }
            let stranger = app.anonymous().get(path).header("origin", "https://evil.example").await;
            assert_eq!(stranger.header("access-control-allow-origin"), None, "{path}");
        }
    }

    async fn by_default_no_other_origin_may_call(app: App) {
        let reply = app.anonymous().get("/health/live").header("origin", OURS).await.expect(200);
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
}
