//! What a scrape says, and who gets it.

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

    async fn two_servers_are_measured_apart(stage: Stage) {
        let (one, other) = (stage.start().await, stage.start().await);
        one.anonymous().get("/nowhere").await.refused(404, "not_found");
        assert_eq!(value(&one, "http_server_problems_total{code=\"not_found\"}").await, Some(1.0));
        assert_eq!(value(&other, "http_server_problems_total{code=\"not_found\"}").await, None);
    }
}
