//! What only the log may say.

use stead::config::Environment;

use crate::harness::{App, Reply, Stage, behaviour};

/// Makes every sign-in fail for a reason that is nobody's business.
async fn break_it(app: &App) {
    let mut tx = app.state.db.write().await.unwrap();
    tx.query("ALTER TABLE users RENAME TO hidden_things").execute().await.unwrap();
    tx.commit().await.unwrap();
}

async fn fail(app: &App) -> Reply {
    app.anonymous().login("ada@example.com", "correct horse battery staple").await
}

behaviour! {
    async fn guarded_environments_show_an_error_of_ours_by_its_id_only(stage: Stage) {
        for environment in [Environment::Acc, Environment::Prod] {
            let app = stage.start_as(stead::config::Config { environment, ..stage.config() }).await;
            if environment == Environment::Acc {
                break_it(&app).await;
            }
            let reply = fail(&app).await.refused(500, "internal_error");
            let json = reply.json();
            let known = ["type", "title", "status", "detail", "code", "request_id"];
            assert!(json.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{json}");
            let text = reply.text().to_lowercase();
            for inside in ["users", "table", "relation", "sqlx", "sqlite", "postgres", "select", "src/", "panic"] {
                assert!(!text.contains(inside), "{inside}: {text}");
            }
            let malformed = app.anonymous().request("POST", "/api/v1/auth/login").body("application/json", "{\"hunter2");
            assert!(!malformed.await.refused(400, "malformed_json").text().contains("hunter2"));
        }
    }

    async fn no_cause_quotes_what_was_sent(app: App) {
        let admin = app.admin().await;
        let secret = &app.user().await.refresh_token;
        for (place, status) in [
            (format!("notes/{secret}"), 404),
            (format!("users/{secret}"), 404),
            (format!("notes?limit={secret}"), 400),
            (format!("users?status={secret}"), 400),
            (format!("audit-events?actor_id={secret}"), 400),
            (format!("audit-events?after={secret}"), 400),
            (format!("notes?{secret}=1"), 400),
        ] {
            let reply = admin.get(&format!("/api/v1/{place}")).await;
            let causes = reply.json()["debug"].to_string();
            assert_eq!(reply.status, status, "{place}");
            assert!(causes.contains("parameter") && !causes.contains(&secret[..9]), "{place}: {causes}");
        }
        let body = format!("{{\"refresh_token\": {secret}}}");
        let malformed = app.anonymous().request("POST", "/api/v1/auth/refresh").body("application/json", body);
        let causes = malformed.await.refused(400, "malformed_json").json()["debug"].to_string();
        assert!(causes.len() > 5 && !causes.contains(&secret[..9]), "{causes}");
        let bearer = app.anonymous().with_token(secret).get("/api/v1/users/me").await;
        assert!(!bearer.refused(401, "invalid_token").text().contains(&secret[..9]));
    }

    async fn a_developer_sees_the_cause_at_once(app: App) {
        break_it(&app).await;
        let reply = fail(&app).await.refused(500, "internal_error");
        let debug = reply.json()["debug"].to_string();
        assert!(debug.contains("users"), "{debug}");
    }
}
