//! What happened: every security event is written, kept as it is, and read by whoever may.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{ColumnIndex, FromRow, Row};
use stead::access::audit::Action;
use stead::access::keys::Purpose;
use stead::access::keys::lifecycle::Lifecycle;
use stead::access::principal::Actor;
use stead::features::users::transfer::Format;
use stead::features::users::transfer::export::Export;
use stead::features::users::upkeep::Upkeep;

use crate::harness::{App, Client, PASSWORD, Person, behaviour};

const EVENTS: &str = "/api/v1/audit-events";
const AUTH: &str = "/api/v1/auth";
const USERS: &str = "/api/v1/users";
const ME: &str = "/api/v1/users/me";
const NEW: &str = "seven purple otters dance";
const SECOND: Duration = Duration::from_secs(1);

async fn events(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("{EVENTS}?limit=100&{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

async fn actions(client: &Client, query: &str) -> Vec<String> {
    events(client, query).await.iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
}

async fn newest(client: &Client, subject: &str) -> Value {
    events(client, &format!("subject_id={subject}")).await.remove(0)
}

/// The names of the columns of a row.
struct Columns(BTreeSet<String>);

impl<'r, R: Row> FromRow<'r, R> for Columns
where
    usize: ColumnIndex<R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self(row.columns().iter().map(|column| sqlx::Column::name(column).to_owned()).collect()))
    }
}

async fn a_life_of_one_account(app: &App, ada: &Person) {
    let anonymous = app.anonymous();
    app.later(SECOND);
    anonymous.login(&ada.email, "wrong").await.expect(401);
    let token = app.mailed_token(&ada.email).await;
    ada.post(&format!("{AUTH}/email/verify"), json!({"token": token})).await.expect(204);
    ada.patch(ME, json!({"display_name": "Ada"})).await.expect(200);
    ada.delete(&format!("{AUTH}/sessions")).await.expect(204);
    app.signed_in(&ada.email, PASSWORD).await;
    ada.delete(&format!("{AUTH}/sessions")).await.expect(204);
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    ada.post(&format!("{AUTH}/password/change"), change).await.expect(204);

    let moved = "lovelace@example.com";
    ada.post(&format!("{AUTH}/email/change"), json!({"password": NEW, "new_email": moved})).await.expect(202);
    let (confirm, cancel) = (app.mailed_token(moved).await, app.mailed_token(&ada.email).await);
    ada.post(&format!("{AUTH}/email/verify"), json!({"token": confirm})).await.expect(204);
    anonymous.post(&format!("{AUTH}/email/change/cancel"), json!({"token": cancel})).await.expect(204);

    app.later(SECOND);
    anonymous.post(&format!("{AUTH}/password/forgot"), json!({"email": ada.email})).await.expect(202);
    let reset = json!({"token": app.mailed_token(&ada.email).await, "new_password": PASSWORD});
    anonymous.post(&format!("{AUTH}/password/reset"), reset).await.expect(200);

    let again = app.signed_in(&ada.email, PASSWORD).await;
    anonymous.refresh(&again.refresh_token).await.expect(200);
    app.later(Duration::from_secs(60));
    anonymous.refresh(&again.refresh_token).await.refused(401, "refresh_token_reused");
    let last = app.signed_in(&ada.email, PASSWORD).await;
    last.post(&format!("{AUTH}/logout"), json!({})).await.expect(204);
}

async fn what_an_admin_does(app: &App, admin: &Person) {
    let made = admin.post(USERS, json!({"email": "invited@example.com"})).await.expect(201).json();
    let accept = json!({"token": app.mailed_token("invited@example.com").await, "new_password": PASSWORD});
    app.anonymous().post(&format!("{AUTH}/password/reset"), accept).await.expect(200);
    let path = |rest: &str| format!("{USERS}/{}{rest}", made["id"].as_str().unwrap());
    admin.request("PUT", &path("/roles")).json(json!({"roles": []})).await.expect(200);
    for rest in ["/suspend", "/activate"] {
        admin.post(&path(rest), json!({})).await.expect(200);
    }
    admin.delete(&path("")).await.expect(204);
    admin.post(&path("/restore"), json!({})).await.expect(200);
    admin.delete(&path("")).await.expect(204);
    admin.post("/api/v1/roles", json!({"name": "auditor"})).await.expect(201);
    admin.patch("/api/v1/roles/auditor", json!({"permissions": ["audit:read"]})).await.expect(200);
    admin.delete("/api/v1/roles/auditor").await.expect(204);
}

async fn what_an_operator_does_with_keys(app: &App) {
    let state = &app.state;
    let (db, clock, random) = (state.db.clone(), state.clock.clone(), state.random.clone());
    let secret = state.config.secret_key.as_ref().unwrap();
    let keys = Lifecycle::new(db, clock, random, &[secret], &state.config.auth);
    let made = keys.rotate(Purpose::Cursor).await.unwrap();
    keys.revoke(made.kid.parse().unwrap()).await.unwrap();
    keys.rewrap().await.unwrap();
}

behaviour! {
    async fn every_action_there_is_is_written_by_some_flow(app: App) {
        let admin = app.admin().await;
        let ada = app.user().await;
        a_life_of_one_account(&app, &ada).await;
        what_an_admin_does(&app, &admin).await;
        what_an_operator_does_with_keys(&app).await;
        app.users().end_everyones_sessions(Actor::OPERATOR).await.unwrap();
        let export = Export { format: Format::Csv, with_hashes: false, for_spreadsheets: false };
        app.users().export_everyone(export, Actor::OPERATOR, &mut std::io::sink()).await.unwrap();
        app.later(31 * 24 * 3600 * SECOND);
        Upkeep::new(&app.state).round(|| true).await.unwrap();
        let admin = app.signed_in(&admin.email, PASSWORD).await;
        let written: BTreeSet<_> = actions(&admin, "").await.into_iter().collect();
        for action in Action::ALL {
            assert!(written.contains(action.name()), "no flow writes {action:?}");
        }
        assert_eq!(written.len(), Action::ALL.len());
    }

    async fn an_event_says_who_did_what_to_whom_when_and_from_where(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        app.later(SECOND);
        let suspend = admin.at("2001:db8::7").post(&format!("{USERS}/{}/suspend", ada.id), json!({}));
        let done =
            suspend.header("user-agent", "curl/8.5.0").header("x-request-id", "my-request").await.expect(200);
        let event = newest(&admin, &ada.id).await;
        let expected = json!({
            "id": event["id"], "occurred_at": "2030-01-01T08:00:01.000000Z", "action": "user_suspended",
            "actor_id": admin.id, "subject_id": ada.id, "role": null, "request_id": "my-request",
            "ip": "2001:db8::7", "user_agent": "curl/8.5.0",
        });
        assert_eq!((event, done.header("x-request-id")), (expected, Some("my-request")));

        // Nobody is signed in who guesses; whom they guess at is known, unless nobody has the address.
        app.anonymous().login(&admin.email, "wrong").await.expect(401);
        let guess = newest(&admin, &admin.id).await;
        assert_eq!((&guess["action"], &guess["actor_id"]), (&json!("login_failed"), &json!(null)));
        app.anonymous().login("nobody@example.com", "wrong").await.expect(401);
        let failed = events(&admin, "action=login_failed").await;
        assert_eq!(failed.iter().filter(|event| event["subject_id"].is_null()).count(), 1);
        // At the terminal there is neither a caller nor an address.
        app.activate(&ada.id).await;
        let event = &events(&admin, &format!("subject_id={}&action=user_activated", ada.id)).await[0];
        for unknown in ["actor_id", "ip", "user_agent", "request_id"] {
            assert_eq!(event[unknown], json!(null));
        }
    }

    async fn what_did_not_happen_is_not_written(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let before = events(&admin, "").await;
        let path = format!("{USERS}/{}", ada.id);
        admin.post(&format!("{path}/suspend"), json!({})).header("if-match", "\"0\"").await.expect(412);
        admin.delete(&format!("{USERS}/{}", admin.id)).await.expect(409);
        admin.request("PUT", &format!("{path}/roles")).json(json!({"roles": ["boss"]})).await.expect(422);
        admin.post(USERS, json!({"email": ada.email})).await.expect(409);
        ada.delete(&path).await.expect(403);
        let reset = json!({"token": "x", "new_password": NEW});
        app.anonymous().post(&format!("{AUTH}/password/reset"), reset).await.expect(422);
        assert_eq!(events(&admin, "").await, before);
    }

    async fn the_database_itself_keeps_events_as_they_are(app: App) {
        let admin = app.admin().await;
        let before = events(&admin, "").await;
        assert!(!before.is_empty());
        for statement in [
            "UPDATE audit_events SET action = 'logged_out'",
            "UPDATE audit_events SET actor_id = NULL WHERE action = 'logged_in'",
            "DELETE FROM audit_events",
            "DELETE FROM audit_events WHERE action = 'user_created'",
        ] {
            let mut tx = app.state.db.write().await.unwrap();
            let error = tx.query(statement).execute().await.unwrap_err().to_string();
            assert!(error.contains("audit events are kept as they are"), "{statement}: {error}");
        }
        assert_eq!(events(&admin, "").await, before);
    }

    async fn the_rows_that_are_kept_hold_ids_and_nothing_of_the_person(app: App) {
        let admin = app.admin().await;
        let ada = app.user().await;
        a_life_of_one_account(&app, &ada).await;
        let mut db = app.state.db.read().await.unwrap();
        let Columns(columns) = db.query("SELECT * FROM audit_events LIMIT 1").fetch_one().await.unwrap();
        assert_eq!(
            columns,
            ["action", "actor_id", "id", "occurred_at", "request_id", "role", "subject_id"].map(str::to_owned).into()
        );
        let texts: Vec<(String, Option<String>)> =
            db.query("SELECT action, request_id FROM audit_events").fetch_all().await.unwrap();
        for (action, request) in texts {
            assert!(serde_json::from_value::<Action>(json!(action)).is_ok(), "{action}");
            let request = request.unwrap_or_default();
            assert!(!request.contains('@') && !request.contains("192.0.2"), "{request}");
        }
        drop(db);
        // What is read has no secret either.
        let text = admin.get(&format!("{EVENTS}?limit=100")).await.text();
        for secret in [PASSWORD, NEW, "@example.com", "argon2", &ada.refresh_token] {
            assert!(!text.contains(secret), "{secret}");
        }
    }

    async fn filters_narrow_the_list_and_the_total_counts_what_they_leave(app: App) {
        let (admin, ada, bob) = (app.admin().await, app.user().await, app.user().await);
        app.later(SECOND);
        admin.post(&format!("{USERS}/{}/suspend", ada.id), json!({})).await.expect(200);
        app.later(SECOND);
        admin.post(&format!("{USERS}/{}/suspend", bob.id), json!({})).await.expect(200);

        // Ada registered and signed in at the same moment.
        let mut about_ada = actions(&admin, &format!("subject_id={}", ada.id)).await;
        about_ada[1..].sort();
        assert_eq!(about_ada, ["user_suspended", "logged_in", "registered"]);
        assert_eq!(
            actions(&admin, &format!("actor_id={}", admin.id)).await,
            ["user_suspended", "user_suspended", "logged_in"]
        );
        let both = format!("actor_id={}&subject_id={}&action=user_suspended", admin.id, bob.id);
        assert_eq!(actions(&admin, &both).await.len(), 1);
        // `after` is inclusive, `before` is not, and any offset is read.
        let (first, second) = ("2030-01-01T08:00:01Z", "2030-01-01T10:00:02%2B02:00");
        assert_eq!(actions(&admin, &format!("after={first}")).await.len(), 2);
        assert_eq!(actions(&admin, &format!("after={first}&before={second}")).await.len(), 1);
        assert_eq!(actions(&admin, &format!("after={second}&before={second}")).await.len(), 0);
        let page =
            admin.get(&format!("{EVENTS}?limit=1&action=user_suspended&include_total=true")).await.json();
        assert_eq!((page["items"].as_array().unwrap().len(), &page["total"]), (1, &json!(2)));
    }

    async fn pages_are_newest_first_and_neither_skip_nor_repeat_while_more_is_written(app: App) {
        let (admin, _, _) = (app.admin().await, app.user().await, app.user().await);
        app.later(SECOND);
        let before: Vec<_> = events(&admin, "").await.iter().map(|event| event["id"].clone()).collect();
        for limit in 1..=4 {
            let (mut path, mut found) =
                (format!("{EVENTS}?limit={limit}&before=2030-01-01T08:00:01Z"), Vec::new());
            loop {
                let reply = admin.get(&path).await.expect(200);
                let body = reply.json();
                found.extend(body["items"].as_array().unwrap().iter().map(|event| event["id"].clone()));
                app.signed_in(&admin.email, PASSWORD).await;
                if body["next_cursor"].is_null() {
                    break;
                }
                path = reply.header("link").unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
            }
            assert_eq!(found, before, "limit {limit}");
        }
        let times: Vec<_> = events(&admin, "").await.iter().map(|event| event["occurred_at"].to_string()).collect();
        assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    }

    async fn a_query_with_a_fault_is_refused(app: App) {
        let admin = app.admin().await;
        for (query, pointer, code) in [
            ("limit=0", "/limit", "not_in_range"),
            ("limit=101", "/limit", "not_in_range"),
            ("action=sneezed", "/action", "invalid_choice"),
            ("actor_id=me", "/actor_id", "invalid_id"),
            ("subject_id=1", "/subject_id", "invalid_id"),
            ("after=yesterday", "/after", "invalid_time"),
            ("sort=occurred_at", "/sort", "unknown_field"),
        ] {
            let refused = admin.get(&format!("{EVENTS}?{query}")).await.refused(400, "invalid_query");
            assert_eq!(refused.faults(), [(pointer.into(), code.into())], "{query}");
        }
        app.user().await;
        let cursor =
            admin.get(&format!("{EVENTS}?limit=1")).await.json()["next_cursor"].as_str().unwrap().to_owned();
        for foreign in ["x".into(), format!("{cursor}A"), format!("{cursor}&action=logged_in")] {
            admin.get(&format!("{EVENTS}?limit=1&cursor={foreign}")).await.refused(400, "invalid_cursor");
        }
        let users =
            admin.get(&format!("{USERS}?limit=1")).await.json()["next_cursor"].as_str().unwrap().to_owned();
        admin.get(&format!("{EVENTS}?cursor={users}")).await.refused(400, "invalid_cursor");
    }

    async fn only_who_holds_the_permission_reads_it_and_nobody_writes_it(app: App) {
        app.anonymous().get(EVENTS).await.refused(401, "unauthenticated");
        app.user().await.get(EVENTS).await.refused(403, "forbidden");
        let admin = app.admin().await;
        let id = newest(&admin, &admin.id).await["id"].as_str().unwrap().to_owned();
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            admin.request(method, EVENTS).json(json!({})).await.refused(405, "method_not_allowed");
            admin.request(method, &format!("{EVENTS}/{id}")).json(json!({})).await.refused(404, "not_found");
        }
    }
}
