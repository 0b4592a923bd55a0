//! How often anyone may call: by network on public routes of signing in, by user on the others.

use std::time::Duration;

use serde_json::json;

use crate::harness::{App, Client, PASSWORD, Reply, Stage, behaviour};

const ME: &str = "/api/v1/users/me";
const LOGIN: &str = "/api/v1/auth/login";
const SECOND: Duration = Duration::from_secs(1);

fn limited(stage: Stage, public: u32, user: u32) -> Stage {
    let stage = stage.with("rate_limit.enabled", true);
    stage.with("rate_limit.public_per_minute", public).with("rate_limit.user_per_minute", user)
}

fn wrong() -> serde_json::Value {
    json!({"email": "nobody@example.com", "password": "wrong"})
}

async fn guess(client: &Client) -> Reply {
    client.post(LOGIN, wrong()).await
}

/// Spends the budget of a network.
async fn spend(client: &Client, quota: u32) {
    for _ in 0..quota {
        client.refresh("none").await.expect(401);
    }
    client.refresh("none").await.refused(429, "rate_limited");
}

/// The members of a list (RFC 9651 §3.1) whose items are strings with whole numbers as parameters.
fn members(reply: &Reply, name: &str) -> Vec<(String, Vec<(String, u64)>)> {
    let lines = reply.headers.get_all(name).iter().map(|line| line.to_str().unwrap());
    let members = lines.flat_map(|line| line.split(',').map(str::trim));
    let member = |text: &str| {
        let mut parts = text.split(';');
        let item = parts.next().unwrap();
        let item = item.strip_prefix('"').and_then(|item| item.strip_suffix('"')).expect("a string");
        let parameter = |part: &str| {
            let (key, value) = part.split_once('=').expect("a parameter");
            (key.to_owned(), value.parse().expect("a whole number"))
        };
        (item.to_owned(), parts.map(parameter).collect())
    };
    members.map(member).collect()
}

/// The policy and what is left of it, as text.
fn standing(reply: &Reply) -> (Option<&str>, Option<&str>) {
    (reply.header("ratelimit-policy"), reply.header("ratelimit"))
}

behaviour! {
    async fn a_network_may_sign_in_only_so_often_and_is_told_what_is_left(stage: Stage) {
        let app = limited(stage, 5, 1200).start().await;
        let client = app.anonymous().at("198.51.100.9");
        let made = client.register("ada@example.com", PASSWORD).await.expect(201);
        assert_eq!(standing(&made), (Some("\"public\";q=5;w=60"), Some("\"public\";r=4;t=12")));
        let refused = guess(&client).await.refused(401, "invalid_credentials");
        assert_eq!(standing(&refused).1, Some("\"public\";r=3;t=24"));
        // All routes draw on one budget.
        client.post("/api/v1/auth/password/forgot", json!({"email": "ada@example.com"})).await.expect(202);
        client.post("/api/v1/auth/email/verify", json!({"token": "x", "password": "y"})).await.expect(422);
        let last = client.refresh("none").await.expect(401);
        assert_eq!(standing(&last).1, Some("\"public\";r=0;t=12"));
        for path in ["login", "register", "refresh", "password/forgot", "password/reset", "email/verify",
            "email/verify/resend", "email/change/cancel"]
        {
            let refused = client.post(&format!("/api/v1/auth/{path}"), json!({})).await;
            let refused = refused.refused(429, "rate_limited");
            assert_eq!(refused.header("retry-after"), Some("12"), "{path}");
            assert_eq!(standing(&refused), (Some("\"public\";q=5;w=60"), Some("\"public\";r=0;t=12")));
        }
        guess(&app.anonymous().at("198.51.100.10")).await.expect(401);
        // The budget fills with time, one by one.
        app.later(11 * SECOND);
        guess(&client).await.refused(429, "rate_limited");
        app.later(SECOND);
        guess(&client).await.expect(401);
        guess(&client).await.refused(429, "rate_limited");
        app.later(60 * SECOND);
        spend(&client, 5).await;
    }

    async fn what_is_refused_costs_the_database_nothing(stage: Stage) {
        let app = limited(stage, 5, 1200).start().await;
        let client = app.anonymous().at("198.51.100.9");
        spend(&client, 5).await;
        let mut tx = app.state.db.write().await.unwrap();
        // With the one writer of SQLite taken, a request that writes would wait.
        tx.query("UPDATE roles SET description = description").execute().await.unwrap();
        guess(&client).await.refused(429, "rate_limited");
    }

    async fn an_ipv6_network_of_64_bits_shares_a_budget_and_a_mapped_address_is_the_address(stage: Stage) {
        let app = limited(stage, 5, 1200).start().await;
        for n in 0..5 {
            guess(&app.anonymous().at(&format!("2001:db8:1:2::{n}"))).await.expect(401);
        }
        guess(&app.anonymous().at("2001:db8:1:2:ffff:ffff:ffff:ffff")).await.refused(429, "rate_limited");
        guess(&app.anonymous().at("2001:db8:1:3::1")).await.expect(401);
        spend(&app.anonymous().at("198.51.100.9"), 5).await;
        guess(&app.anonymous().at("::ffff:198.51.100.9")).await.refused(429, "rate_limited");
    }

    async fn an_address_that_a_stranger_claims_is_no_new_budget(stage: Stage) {
        let app = limited(stage, 5, 1200).start().await;
        let client = app.anonymous().at("198.51.100.9");
        spend(&client, 5).await;
        for header in ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"] {
            let value = if header == "forwarded" { "for=203.0.113.5" } else { "203.0.113.5" };
            client.post(LOGIN, wrong()).header(header, value).await.refused(429, "rate_limited");
        }
    }

    async fn an_address_that_a_trusted_proxy_reports_is_believed(stage: Stage) {
        let app = limited(stage, 5, 1200).with("server.trusted_proxies", "10.0.0.0/8").start().await;
        let proxy = app.anonymous().at("10.0.0.1");
        let from = async |forwarded: &str| proxy.post(LOGIN, wrong()).header("x-forwarded-for", forwarded).await;
        for n in 0..5 {
            // What stands to the left is the caller's own word.
            from(&format!("203.0.113.{n}, 198.51.100.9")).await.expect(401);
        }
        from("198.51.100.9").await.refused(429, "rate_limited");
        from("198.51.100.10").await.expect(401);
        guess(&app.anonymous().at("198.51.100.9")).await.refused(429, "rate_limited");
    }

    async fn another_spelling_of_a_path_is_no_new_budget(stage: Stage) {
        let app = limited(stage, 5, 1200).start().await;
        let client = app.anonymous().at("198.51.100.9");
        spend(&client, 5).await;
        for path in [
            "//api/v1/auth/login", "/api//v1/auth/login", "/api/v1/auth//login", "/api/v1/./auth/login",
            "/api/v1/%2e/auth/login", "/api/v1/auth/x/../login", "/api/v1/auth/%6cogin", "/api/v1/auth/Login",
            "/API/v1/auth/login", "/api/v1/auth/login/", "/api/v1/auth/login%2f", "/api/v1/auth/login;x=1",
            "/api/v1/auth/login?x=1", "/api/v1/auth%2flogin",
        ] {
            let answer = client.post(path, wrong()).await;
            assert!(matches!(answer.status.as_u16(), 404 | 429), "{path}: {}", answer.text());
        }
    }

    async fn a_user_may_call_only_so_often_however_many_sessions_they_have(stage: Stage) {
        let app = limited(stage, 100, 4).start().await;
        let (ada, bob) = (app.user().await, app.user().await);
        let phone = app.signed_in(&ada.email, PASSWORD).await;
        let first = ada.get(ME).await.expect(200);
        assert_eq!(standing(&first), (Some("\"user\";q=4;w=60"), Some("\"user\";r=3;t=15")));
        phone.at("2001:db8::1").get(ME).await.expect(200);
        ada.get("/api/v1/users").await.refused(403, "forbidden");
        ada.get("/api/v1/auth/sessions").await.expect(200);
        for client in [&*ada, &phone] {
            let refused = client.get(ME).await.refused(429, "rate_limited");
            assert_eq!(refused.header("retry-after"), Some("15"));
            assert_eq!(standing(&refused), (Some("\"user\";q=4;w=60"), Some("\"user\";r=0;t=15")));
        }
        bob.get(ME).await.expect(200);
        // A public route that takes a token says both.
        let both = ada.post("/api/v1/auth/email/verify", json!({"token": "x"})).await.refused(429, "rate_limited");
        let names: Vec<_> = members(&both, "ratelimit").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["public", "user"]);
        app.later(15 * SECOND);
        ada.get(ME).await.expect(200);
        ada.get(ME).await.refused(429, "rate_limited");
        // Who is not known has no budget to tell of.
        let unknown = ada.with_token("none").get(ME).await.refused(401, "invalid_token");
        assert_eq!(standing(&unknown), (None, None));
    }

    async fn the_headers_are_lists_of_structured_fields_and_retry_after_is_no_sooner(stage: Stage) {
        let app = limited(stage, 7, 3).start().await;
        let client = app.anonymous().at("198.51.100.9");
        for n in 0..12 {
            let reply = guess(&client).await;
            let (policies, left) = (members(&reply, "ratelimit-policy"), members(&reply, "ratelimit"));
            assert_eq!(policies, [("public".into(), vec![("q".into(), 7), ("w".into(), 60)])]);
            let (name, parameters) = &left[0];
            let value = |key: &str| parameters.iter().find(|(known, _)| known == key).unwrap().1;
            assert_eq!((left.len(), name.as_str(), parameters.len()), (1, "public", 2));
            assert!(value("r") < 7 && (1..=60).contains(&value("t")), "{left:?}");
            let after = reply.header("retry-after").map(|after| after.parse::<u64>().unwrap());
            assert_eq!((reply.status == 429, after.is_some()), (n >= 7, n >= 7));
            assert!(after.is_none_or(|after| after >= value("t")), "{after:?} {left:?}");
        }
    }

    async fn too_many_wrong_passwords_say_when_to_come_back_with_or_without_limits(stage: Stage) {
        for on in [false, true] {
            let stage = limited(stage.clone(), 100, 100).with("rate_limit.enabled", on);
            let app = stage.start().await;
            let ada = app.user().await;
            for _ in 0..10 {
                app.anonymous().login(&ada.email, "wrong").await.expect(401);
            }
            let refused = app.anonymous().login(&ada.email, "wrong").await.refused(429, "too_many_attempts");
            let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
            let policies = members(&refused, "ratelimit-policy");
            assert_eq!(policies[0], ("account".into(), vec![("q".into(), 10), ("w".into(), 900)]));
            let left = members(&refused, "ratelimit");
            assert_eq!(left[0], ("account".into(), vec![("r".into(), 0), ("t".into(), after)]));
            assert_eq!((policies.len(), left.len()), if on { (2, 2) } else { (1, 1) });
        }
    }

    async fn where_limits_are_off_nobody_is_counted_and_no_header_says_so(app: App) {
        let client = app.anonymous();
        for _ in 0..130 {
            assert_eq!(standing(&client.refresh("none").await.expect(401)), (None, None));
        }
        assert_eq!(standing(&app.user().await.get(ME).await.expect(200)), (None, None));
    }

    async fn what_needs_no_token_and_is_no_way_in_is_not_limited(stage: Stage) {
        let app = limited(stage, 1, 1).start().await;
        let client = app.anonymous();
        spend(&client, 1).await;
        for path in ["/health/live", "/health/ready", "/.well-known/jwks.json", "/errors", "/openapi.json", "/reset-password"] {
            for _ in 0..3 {
                assert_eq!(standing(&client.get(path).await.expect(200)), (None, None), "{path}");
            }
        }
    }
}
