//! Everything that is held about somebody, for themselves.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Stage, behaviour};

const EXPORT: &str = "/api/v1/users/me/export";
const AUTH: &str = "/api/v1/auth";
const USERS: &str = "/api/v1/users";

fn texts<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|entry| entry[member].as_str().unwrap_or("-")).collect()
}

behaviour! {
    async fn somebody_gets_everything_that_is_held_about_them(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        app.anonymous().at("198.51.100.9").login(&ada.email, "wrong").await.expect(401);
        ada.patch("/api/v1/users/me", json!({"display_name": "Ada"})).await.expect(200);
        let change = json!({"password": PASSWORD, "new_email": "lovelace@example.com"});
        ada.post(&format!("{AUTH}/email/change"), change).await.expect(202);
        ada.post("/api/v1/notes", json!({"title": "Groceries", "body": "Bread"})).await.expect(201);
        let roles = json!({"roles": ["user"]});
        let roles = admin.request("PUT", &format!("{USERS}/{}/roles", ada.id)).json(roles);
        roles.header("user-agent", "The-Admins-Own").await.expect(200);
        app.later(Duration::from_secs(1));
        let ada = app.signed_in(&ada.email, PASSWORD).await;

        let reply = ada.get(EXPORT).await.expect(200);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let held = reply.json();
        assert_eq!(held["account"], ada.get("/api/v1/users/me").await.expect(200).json());
        assert_eq!(texts(&held["sessions"], "ip"), ["192.0.2.7", "192.0.2.7"]);
        assert_eq!(held["sessions"][0]["current"], true);
        let mut purposes = texts(&held["links"], "purpose");
        purposes.sort_unstable();
        assert_eq!(purposes, ["change_email", "verify_email", "way_back"]);
        assert!(texts(&held["links"], "email").contains(&"lovelace@example.com"));
        let mut letters = texts(&held["mails"], "letter");
        letters.sort_unstable();
        assert_eq!(letters, ["confirm-new-email", "email-change-notice", "verify-email"]);
        assert_eq!(texts(&held["notes"], "title"), ["Groceries"]);

        let events = held["audit_events"].as_array().unwrap();
        let of = |action: &str| events.iter().find(|event| event["action"] == action).unwrap();
        assert_eq!(of("login_failed")["ip"], "198.51.100.9");
        assert_eq!(of("user_updated")["actor_id"], ada.id.as_str());
        let by_admin = of("roles_changed");
        assert_eq!((&by_admin["actor_id"], &by_admin["ip"]), (&json!(admin.id), &json!(null)));
        assert!(!reply.text().contains("The-Admins-Own"), "from where others acted is theirs");
    }

    async fn no_secret_and_nothing_of_others_is_in_it(app: App) {
        let (eve, ada) = (app.user().await, app.user().await);
        eve.post("/api/v1/notes", json!({"title": "Eve's"})).await.expect(201);
        eve.patch("/api/v1/users/me", json!({"display_name": "Eve Herself"})).await.expect(200);
        let token = app.mailed_token(&ada.email).await;
        let text = ada.get(EXPORT).await.expect(200).text();
        let secrets = [&ada.access_token, &ada.refresh_token, &ada.device_token, &token];
        for absent in secrets.into_iter().map(String::as_str).chain(["argon2", PASSWORD, &eve.id, &eve.email, "Eve"]) {
            assert!(!text.contains(absent), "{absent}: {text}");
        }
        for absent in ["hash", "token", "password_hash", "generation", "key_id"] {
            assert!(!text.contains(&format!("\"{absent}\"")), "{absent}: {text}");
        }
    }

    async fn it_is_for_oneself_alone_and_a_pool_of_one_connection_is_enough(stage: Stage) {
        let app = stage.with("database.max_connections", 1).start().await;
        app.anonymous().get(EXPORT).await.refused(401, "unauthenticated");
        let (admin, ada) = (app.admin().await, app.user().await);
        admin.get(&format!("{USERS}/{}/export", ada.id)).await.refused(404, "not_found");
        let held = ada.get(EXPORT).await.expect(200).json();
        assert_eq!(held["account"]["id"], ada.id.as_str());
    }
}
