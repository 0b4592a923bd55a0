//! The probes, and what else depends on which listener is asked.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::harness::{App, Stage, behaviour};

behaviour! {
    async fn the_probes_answer_on_both_listeners(app: App) {
        for client in [app.anonymous(), app.operator()] {
            assert_eq!(client.get("/health/live").await.expect(200).json()["status"], "up");
            let ready = client.get("/health/ready").await.expect(200).json();
            assert_json_snapshot!(ready, {".checks.database.latency_ms" => "[ms]"}, @r#"
            {
              "checks": {
                "database": {
                  "latency_ms": "[ms]",
                  "status": "up"
                },
                "feed": {
                  "status": "up"
                },
                "migrations": {
                  "status": "up"
                }
              },
              "status": "up"
            }
            "#);
        }
    }

    async fn without_its_database_the_process_is_alive_and_not_ready(app: App) {
        app.state.db.close().await;
        app.anonymous().get("/health/live").await.expect(200);
        let ready = app.anonymous().get("/health/ready").await.expect(503);
        assert_eq!(ready.json()["checks"]["database"]["status"], "down");
        app.anonymous().login("ada@example.com", "any").await.refused(503, "database_unavailable");
    }

    async fn the_mailbox_is_only_where_strangers_cannot_reach_it(stage: Stage) {
        let local = stage.start().await;
        local.anonymous().get("/dev/mail").await.expect(200);
        local.operator().get("/dev/mail").await.refused(404, "not_found");
        let open = stage.with("server.host", "0.0.0.0").start().await;
        open.anonymous().get("/dev/mail").await.refused(404, "not_found");
        open.operator().get("/dev/mail").await.expect(200);
    }

    async fn the_api_is_not_on_the_listener_for_operators(app: App) {
        let admin = app.admin().await;
        app.operator().with_token(&admin.access_token).get("/api/v1/users").await.refused(404, "not_found");
    }

    async fn a_schema_that_a_later_version_contracted_is_not_ready(app: App) {
        note(&app, "INSERT INTO schema_migrations SELECT 9998, 'later', 'expand', checksum, applied_at FROM schema_migrations WHERE version = 1").await;
        app.anonymous().get("/health/ready").await.expect(200);
        note(&app, "INSERT INTO schema_migrations SELECT 9999, 'gone', 'contract', checksum, applied_at FROM schema_migrations WHERE version = 1").await;
        // What was found is believed for a moment.
        let ready = loop {
            let ready = app.anonymous().get("/health/ready").await;
            if ready.status != 200 {
                break ready.expect(503);
            }
        };
        assert_eq!(ready.header("content-type"), Some("application/json"));
        let checks = &ready.json()["checks"];
        assert_eq!((&checks["migrations"]["status"], &checks["database"]["status"]), (&"down".into(), &"up".into()));
        app.anonymous().get("/health/live").await.expect(200);
    }

    async fn how_the_machine_is_doing_is_for_those_who_may_see_it_and_for_operators(app: App) {
        app.anonymous().get("/health/system").await.refused(401, "unauthenticated");
        app.user().await.get("/health/system").await.refused(403, "forbidden");
        let holder = app.holder(&["system:read"]).await;
        for client in [&*holder, &app.operator()] {
            let system = client.get("/health/system").await.expect(200).json();
            assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
            for place in [
                "/uptime_seconds", "/cpu/cores", "/cpu/load/0", "/memory/process", "/disk/available", "/files/open",
                "/database/pools/0/max", "/hash_queue/capacity", "/outbox/queued", "/requests/under_way", "/connections/max",
            ] {
                assert!(system.pointer(place).is_some_and(Value::is_number), "{place}: {system}");
            }
            assert_eq!(system["database"]["status"], "up");
        }
        app.state.db.close().await;
        let system = loop {
            // What was found is believed for two seconds.
            let system = app.operator().get("/health/system").await.expect(200).json();
            if system["database"]["status"] == "down" {
                break system;
            }
        };
        assert_eq!(system["outbox"], Value::Null);
    }

    async fn a_server_that_is_about_to_end_is_not_ready(app: App) {
        app.state.tasks.drain();
        let ready = app.anonymous().get("/health/ready").await.expect(503).json();
        assert_eq!(ready["checks"]["shutdown"], json!({"status": "down"}));
        app.anonymous().get("/health/live").await.expect(200);
    }
}

async fn note(app: &App, sql: &'static str) {
    let mut tx = app.state.db.write().await.unwrap();
    tx.query(sql).execute().await.unwrap();
    tx.commit().await.unwrap();
}
