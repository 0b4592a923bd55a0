//! What a scrape says, and who gets it.

use std::time::Duration;

use serde_json::json;
use stead::db::Driver;

use crate::harness::{App, PASSWORD, Stage, behaviour};

/// What `GET /metrics` says of a series, which is written as it stands there; nothing for what is not there.
async fn value(app: &App, series: &str) -> Option<f64> {
    let text = app.operator().get("/metrics").await.expect(200).text();
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series))?;
    Some(line.rsplit_once(' ')?.1.parse().expect("a number"))
}

behaviour! {
    async fn metrics_are_for_operators_alone(app: App) {
        app.anonymous().get("/metrics").await.refused(404, "not_found");
        app.admin().await.get("/metrics").await.refused(404, "not_found");
        let plain = app.operator().get("/metrics").await.expect(200);
        assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let open = app.operator().get("/metrics").header("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await.expect(200);
        assert_eq!(open.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
        assert!(open.text().ends_with("# EOF\n") && !plain.text().contains("# EOF"));
    }

    async fn a_request_is_counted_by_its_route_and_never_by_its_path(app: App) {
        let ada = app.user().await;
        ada.get("/api/v1/users/me").await.expect(200);
        ada.get("/api/v1/notes/01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa").await.refused(404, "not_found");
        app.anonymous().get("/nowhere/ada@example.com").await.refused(404, "not_found");
        let series = |method: &str, status: u16, route: &str| {
            format!("http_server_request_duration_seconds_count{{http_request_method=\"{method}\",http_response_status_code=\"{status}\",http_route=\"{route}\"}}")
        };
        for (status, route) in [(200, "/api/v1/users/me"), (404, "/api/v1/notes/{id}"), (404, "unmatched")] {
            assert_eq!(value(&app, &series("GET", status, route)).await, Some(1.0), "{route}");
        }
        assert_eq!(value(&app, "http_server_problems_total{code=\"not_found\"}").await, Some(2.0));
        let text = app.operator().get("/metrics").await.text();
        for private in ["01981f3c", "ada@example.com", ada.id.as_str(), ada.email.as_str(), PASSWORD] {
            assert!(!text.contains(private), "{private}");
        }
        assert!(!text.contains("http_route=\"/metrics\""), "scrapes say nothing of callers");
    }

    async fn what_strangers_send_in_vain_makes_few_series(app: App) {
        let stranger = app.anonymous();
        let documents = stranger.get("/openapi.json").await.expect(200).json();
        let paths: Vec<_> = documents["paths"].as_object().unwrap().keys().cloned().collect();
        assert!(paths.len() > 30, "{paths:?}");
        let long = "x".repeat(20 << 10);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "PURGE"] {
            for path in paths.iter().chain([&"/nowhere".to_owned()]) {
                let ask = |query: &str| stranger.request(method, &format!("{path}{query}"));
                ask("").await;
                ask("").header("host", "two hosts").await;
                ask("").header("x-long", &long).await;
                ask("").header("accept", "image/png").await;
                ask("").header("content-length", "9999999").await;
                ask(&format!("?{}", &long[..9 << 10])).await;
                ask("").header("origin", "http://evil.example").header("access-control-request-method", method).await;
            }
        }
        let text = app.operator().get("/metrics").await.text();
        let series = || text.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count{"));
        let vain = |line: &&str| ["405", "413", "414", "431"].iter().any(|status| line.contains(&format!("\"{status}\"")));
        let told: Vec<_> = series().filter(vain).filter(|line| !line.contains("\"unmatched\"")).collect();
        assert_eq!(told, [""; 0]);
        let (all, unmatched) = (series().count(), series().filter(|line| line.contains("\"unmatched\"")).count());
        assert!(unmatched <= 64 && all - unmatched <= 4 * paths.len(), "{unmatched} of {all}\n{text}");
    }

    async fn two_servers_are_measured_apart(stage: Stage) {
        let (one, other) = (stage.start().await, stage.start().await);
        one.anonymous().get("/nowhere").await.refused(404, "not_found");
        assert_eq!(value(&one, "http_server_problems_total{code=\"not_found\"}").await, Some(1.0));
        assert_eq!(value(&other, "http_server_problems_total{code=\"not_found\"}").await, None);
    }

    async fn what_is_refused_is_counted_by_its_reason(stage: Stage) {
        let app = stage.with("rate_limit.enabled", true).with("rate_limit.public_per_minute", 30).start().await;
        let ada = app.user().await;
        app.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        app.anonymous().with_token("x.y.z").get("/api/v1/users/me").await.refused(401, "invalid_token");
        let refresh = |token: &str| app.anonymous().post("/api/v1/auth/refresh", json!({"refresh_token": token}));
        refresh("rt_x").await.refused(401, "invalid_refresh_token");
        refresh(&ada.refresh_token).await.expect(200);
        app.later(Duration::from_secs(11));
        refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
        ada.get("/api/v1/users/me").await.refused(401, "invalid_token");
        for reason in ["password_wrong", "malformed", "refresh_token_invalid", "refresh_token_reused", "session_over"] {
            assert_eq!(value(&app, &format!("auth_refusals_total{{reason=\"{reason}\"}}")).await, Some(1.0), "{reason}");
        }
        for action in ["registered", "logged_in", "login_failed", "refresh_token_reused"] {
            assert_eq!(value(&app, &format!("audit_events_total{{action=\"{action}\"}}")).await, Some(1.0), "{action}");
        }
        assert_eq!(value(&app, "auth_refreshes_total").await, Some(1.0));
        while app.anonymous().login(&ada.email, "wrong").await.status == 401 {}
        assert_eq!(value(&app, "throttle_refusals_total{budget=\"account\"}").await, Some(1.0));
        while app.anonymous().login("x", "wrong").await.status != 429 {}
        assert_eq!(value(&app, "rate_limit_refusals_total{budget=\"public\"}").await, Some(1.0));
    }

    async fn a_mail_that_waits_is_seen_with_its_age(app: App) {
        assert_eq!(value(&app, "outbox_queued").await, Some(0.0));
        let other = app.stage.start().await;
        app.anonymous().post("/api/v1/auth/password/forgot", json!({"email": app.user().await.email})).await.expect(202);
        app.later(Duration::from_secs(90));
        assert!(value(&other, "outbox_queued").await >= Some(1.0));
        assert!(value(&other, "outbox_oldest_age_seconds").await >= Some(90.0));
    }

    async fn without_its_database_a_server_still_tells_what_it_knows(app: App) {
        app.anonymous().get("/nowhere").await.refused(404, "not_found");
        app.state.db.close().await;
        assert_eq!(value(&app, "db_up").await, Some(0.0));
        assert_eq!(value(&app, "outbox_queued").await, None, "what is not known is not told");
        assert_eq!(value(&app, "http_server_problems_total{code=\"not_found\"}").await, Some(1.0));
        assert!(value(&app, "process_open_fds").await > Some(1.0));
    }

    async fn the_database_and_the_hash_threads_are_measured(app: App) {
        app.user().await;
        let text = app.operator().get("/metrics").await.expect(200).text();
        let writer = if app.state.db.driver() == Driver::Sqlite { "writer" } else { "main" };
        for series in [
            &format!("db_client_connection_max{{db_client_connection_pool_name=\"{writer}\"}}"),
            &format!("db_client_connection_wait_time_seconds_count{{db_client_connection_pool_name=\"{writer}\"}}"),
            "db_client_operation_duration_seconds_count{db_operation_name=\"INSERT\",outcome=\"done\"}",
            "password_hash_duration_seconds_count",
            "password_hash_wait_seconds_count",
            "password_hash_queue_capacity",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse::<f64>().ok());
            assert!(value > Some(0.0), "{series}: {value:?}\n{text}");
        }
        assert_eq!(value(&app, "password_hash_queue_length").await, Some(0.0));
        assert_eq!(value(&app, "schema_current").await, Some(1.0));
        assert!(value(&app, "feed_lag_seconds").await < Some(600.0));
    }
}
