//! Seeing and ending one's sessions.

use std::time::Duration;

use futures_util::future::join_all;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Person, behaviour};

const SESSIONS: &str = "/api/v1/auth/sessions";
const ME: &str = "/api/v1/users/me";

async fn sessions(person: &Person) -> Vec<Value> {
    person.get(SESSIONS).await.expect(200).json()["items"].as_array().unwrap().clone()
}

async fn current(person: &Person) -> String {
    let sessions = sessions(person).await;
    let current: Vec<_> = sessions.iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1, "{sessions:?}");
    current[0]["id"].as_str().unwrap().to_owned()
}

async fn is_over(app: &App, person: &Person) {
    person.get(ME).await.refused(401, "invalid_token");
    app.anonymous().refresh(&person.refresh_token).await.refused(401, "invalid_refresh_token");
}

behaviour! {
    async fn signing_out_ends_this_session_at_once_and_no_other(app: App) {
        let here = app.user().await;
        let there = app.signed_in(&here.email, PASSWORD).await;
        let answer = here.request("POST", "/api/v1/auth/logout").await.expect(204);
        assert!(answer.body.is_empty());
        is_over(&app, &here).await;
        here.request("POST", "/api/v1/auth/logout").await.refused(401, "invalid_token");
        there.get(ME).await.expect(200);
        app.anonymous().refresh(&there.refresh_token).await.expect(200);
    }

    async fn signing_out_many_times_at_once_is_no_fault_of_any(app: App) {
        let ada = app.user().await;
        let replies = join_all((0..8).map(|_| ada.request("POST", "/api/v1/auth/logout").into_future())).await;
        assert!(replies.iter().any(|reply| reply.status == 204));
        for reply in replies {
            assert!(matches!(reply.status.as_u16(), 204 | 401), "{}", reply.text());
        }
        is_over(&app, &ada).await;
    }

    async fn signing_out_on_one_replica_holds_on_the_other(app: App) {
        let ada = app.user().await;
        let other = app.stage.start().await;
        let there = other.anonymous().with_token(&ada.access_token);
        there.get(ME).await.expect(200);
        ada.request("POST", "/api/v1/auth/logout").await.expect(204);
        other.hears().await;
        there.get(ME).await.refused(401, "invalid_token");
    }

    async fn the_hundred_and_first_session_ends_the_one_that_was_used_least_lately(app: App) {
        let first = app.user().await;
        let second = app.signed_in(&first.email, PASSWORD).await;
        for _ in 2..100 {
            app.later(Duration::from_secs(1));
            app.anonymous().login(&first.email, PASSWORD).await.expect(200);
        }
        assert_eq!(sessions(&first).await.len(), 100);
        // The first is used, so that the second is the one.
        let pair = app.anonymous().refresh(&first.refresh_token).await.expect(200).json();
        let first = app.person(&pair);
        let last = app.signed_in(&first.email, PASSWORD).await;
        is_over(&app, &second).await;
        first.get(ME).await.expect(200);
        assert_eq!(sessions(&last).await.len(), 100);
    }

    async fn signing_out_and_looking_at_sessions_need_somebody_signed_in(app: App) {
        let anonymous = app.anonymous();
        anonymous.request("POST", "/api/v1/auth/logout").await.refused(401, "unauthenticated");
        anonymous.get(SESSIONS).await.refused(401, "unauthenticated");
        anonymous.delete(SESSIONS).await.refused(401, "unauthenticated");
        let any = format!("{SESSIONS}/01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa");
        anonymous.delete(&any).await.refused(401, "unauthenticated");
    }

    async fn the_list_tells_devices_apart_and_holds_no_token(app: App) {
        let here = app.user().await;
        app.later(std::time::Duration::from_secs(60));
        let body = json!({"email": here.email, "password": PASSWORD});
        let call = app.anonymous().at("2001:db8::7").post("/api/v1/auth/login", body);
        call.header("user-agent", "curl/8.5.0").header("x-forwarded-for", "203.0.113.9").await.expect(200);
        let listed = here.get(SESSIONS).await.expect(200);
        assert_json_snapshot!(listed.json(), {".items[].id" => "[id]"}, @r#"
        {
          "items": [
            {
              "created_at": "2030-01-01T08:01:00.000000Z",
              "current": false,
              "id": "[id]",
              "ip": "2001:db8::7",
              "last_used_at": "2030-01-01T08:01:00.000000Z",
              "user_agent": "curl/8.5.0"
            },
            {
              "created_at": "2030-01-01T08:00:00.000000Z",
              "current": true,
              "id": "[id]",
              "ip": "192.0.2.7",
              "last_used_at": "2030-01-01T08:00:00.000000Z",
              "user_agent": null
            }
          ]
        }
        "#);
        assert!(!listed.text().contains("rt_"));
    }

    async fn one_session_can_be_ended_from_another(app: App) {
        let here = app.user().await;
        let (lost, third) =
            (app.signed_in(&here.email, PASSWORD).await, app.signed_in(&here.email, PASSWORD).await);
        let path = format!("{SESSIONS}/{}", current(&lost).await);
        here.delete(&path).await.expect(204);
        is_over(&app, &lost).await;
        here.delete(&path).await.refused(404, "not_found");
        assert_eq!((sessions(&here).await.len(), sessions(&third).await.len()), (2, 2));
        here.delete(&format!("{SESSIONS}/{}", current(&here).await)).await.expect(204);
        is_over(&app, &here).await;
    }

    async fn all_other_sessions_can_be_ended_at_once(app: App) {
        let (here, stranger) = (app.user().await, app.user().await);
        let others = [app.signed_in(&here.email, PASSWORD).await, app.signed_in(&here.email, PASSWORD).await];
        here.delete(SESSIONS).await.expect(204);
        for other in &others {
            is_over(&app, other).await;
        }
        assert_eq!(sessions(&here).await.len(), 1);
        app.anonymous().refresh(&here.refresh_token).await.expect(200);
        stranger.get(ME).await.expect(200);
    }

    async fn another_persons_session_is_not_there(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        let adas = current(&ada).await;
        let admin = app.admin().await;
        for person in [&eve, &admin] {
            let foreign = person.delete(&format!("{SESSIONS}/{adas}")).await.refused(404, "not_found");
            let nowhere = person.delete(&format!("{SESSIONS}/01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa")).await;
            assert_eq!(foreign.json()["detail"], nowhere.refused(404, "not_found").json()["detail"]);
        }
        for nonsense in ["x", "1", "%00", "..%2f", "01981f3c"] {
            eve.delete(&format!("{SESSIONS}/{nonsense}")).await.refused(404, "not_found");
        }
        assert_eq!(current(&ada).await, adas);
        assert!(sessions(&eve).await.iter().all(|session| session["id"] != adas.as_str()));
    }
}
