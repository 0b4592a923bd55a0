//! What may be done with the accounts of others, and what comes of it.

use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, Person, Stage, behaviour};

const USERS: &str = "/api/v1/users";
const ME: &str = "/api/v1/users/me";
const NEW: &str = "new@example.com";
const SECOND: Duration = Duration::from_secs(1);

fn path(id: &str, rest: &str) -> String {
    format!("{USERS}/{id}{rest}")
}

async fn seen(admin: &Client, id: &str) -> Value {
    admin.get(&path(id, "")).await.expect(200).json()
}

async fn is_signed_out(app: &App, person: &Person) {
    person.get(ME).await.refused(401, "invalid_token");
    app.anonymous().refresh(&person.refresh_token).await.refused(401, "invalid_refresh_token");
}

behaviour! {
    async fn an_account_is_seen_and_changed_by_its_id(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let mine = ada.get(ME).await.expect(200);
        let theirs = admin.get(&path(&ada.id, "")).await.expect(200);
        assert_eq!((mine.json(), mine.header("etag")), (theirs.json(), theirs.header("etag")));
        let known = admin.get(&path(&ada.id, "")).header("if-none-match", theirs.header("etag").unwrap());
        known.await.expect(304);
        let changed =
            admin.patch(&path(&ada.id, ""), json!({"display_name": "Ada", "locale": null})).await.expect(200);
        assert_eq!(
            (&changed.json()["display_name"], &changed.json()["locale"]),
            (&json!("Ada"), &json!(null))
        );
        assert_eq!(ada.get(ME).await.json(), changed.json());
        assert_ne!(changed.header("etag"), theirs.header("etag"));
    }

    async fn what_is_not_there_is_not_found(app: App) {
        let (admin, gone) = (app.admin().await, app.user().await);
        gone.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        let nobody = "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa";
        for id in [&gone.id, nobody, "me2", "1"] {
            for (method, rest, body) in [
                ("GET", "", None),
                ("PATCH", "", Some(json!({"display_name": "x"}))),
                ("DELETE", "", None),
                ("POST", "/suspend", None),
                ("POST", "/activate", None),
                ("PUT", "/roles", Some(json!({"roles": []}))),
                ("GET", "/sessions", None),
                ("DELETE", "/sessions", None),
            ] {
                let call = admin.request(method, &path(id, rest));
                let call = match body {
                    Some(body) => call.json(body),
                    None => call,
                };
                call.await.refused(404, "not_found");
            }
        }
        admin.post(&path(nobody, "/restore"), json!({})).await.refused(404, "not_found");
    }

    async fn a_change_based_on_an_older_version_is_refused(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let older = admin.get(&path(&ada.id, "")).await.header("etag").unwrap().to_owned();
        admin
            .patch(&path(&ada.id, ""), json!({"display_name": "Ada"}))
            .header("if-match", &older)
            .await
            .expect(200);
        let fresh = async || admin.get(&path(&ada.id, "")).await.header("etag").unwrap().to_owned();
        let changes = [
            ("PATCH", "", json!({"display_name": "Eve"})),
            ("PUT", "/roles", json!({"roles": ["user", "admin"]})),
            ("POST", "/suspend", json!({})),
            ("POST", "/activate", json!({})),
            ("DELETE", "", json!({})),
        ];
        for (method, rest, body) in changes {
            let before = seen(&admin, &ada.id).await;
            let call = || admin.request(method, &path(&ada.id, rest)).json(body.clone());
            for stale in [older.as_str(), "\"0\"", "garbage"] {
                call().header("if-match", stale).await.refused(412, "precondition_failed");
            }
            assert_eq!(seen(&admin, &ada.id).await, before);
            let (now, done) = (fresh().await, call());
            let done = done.header("if-match", &now).await;
            assert!(done.status.is_success(), "{}", done.text());
            if method != "DELETE" {
                assert_eq!(done.header("etag"), Some(fresh().await.as_str()), "a change raises the version");
                assert_ne!(done.header("etag"), Some(now.as_str()));
            }
        }
    }

    async fn a_suspension_ends_everything_on_every_replica_until_it_is_lifted(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let replica = app.stage.start().await;
        let there = replica.anonymous().with_token(&ada.access_token);
        there.get(ME).await.expect(200);
        let suspended = admin.post(&path(&ada.id, "/suspend"), json!({})).await.expect(200).json();
        assert_eq!(suspended["status"], "suspended");
        is_signed_out(&app, &ada).await;
        replica.hears().await;
        there.get(ME).await.refused(401, "invalid_token");
        app.anonymous().login(&ada.email, PASSWORD).await.refused(403, "account_suspended");
        app.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");

        let lifted = admin.post(&path(&ada.id, "/activate"), json!({})).await.expect(200).json();
        assert_eq!(lifted["status"], "active");
        is_signed_out(&app, &ada).await;
        app.signed_in(&ada.email, PASSWORD).await;
    }

    async fn no_link_that_was_mailed_before_outlives_a_suspension_or_a_deletion(app: App) {
        let admin = app.admin().await;
        for (act, back) in [("/suspend", "/activate"), ("", "/restore")] {
            let ada = app.user().await;
            let verify = app.mailed_token(&ada.email).await;
            app.later(SECOND);
            let forgot = json!({"email": ada.email});
            app.anonymous().post("/api/v1/auth/password/forgot", forgot.clone()).await.expect(202);
            let reset = app.mailed_token(&ada.email).await;
            app.later(SECOND);
            let change = json!({"password": PASSWORD, "new_email": NEW});
            ada.post("/api/v1/auth/email/change", change).await.expect(202);
            let (change, cancel) = (app.mailed_token(NEW).await, app.mailed_token(&ada.email).await);

            let method = if act.is_empty() { "DELETE" } else { "POST" };
            let done = admin.request(method, &path(&ada.id, act)).await;
            assert!(done.status.is_success(), "{}", done.text());
            // Who is suspended or gone gets no new one either.
            let before = app.mails_to(&ada.email).await.len();
            app.anonymous().post("/api/v1/auth/password/forgot", forgot).await.expect(202);
            assert_eq!(app.mails_to(&ada.email).await.len(), before);
            for restored in [false, true] {
                if restored {
                    admin.post(&path(&ada.id, back), json!({})).await.expect(200);
                }
                for (at, body) in [
                    ("email/verify", json!({"token": verify, "password": PASSWORD})),
                    ("email/verify", json!({"token": change, "password": PASSWORD})),
                    ("password/reset", json!({"token": reset, "new_password": "seven purple otters dance"})),
                ] {
                    let refused = app.anonymous().post(&format!("/api/v1/auth/{at}"), body).await;
                    refused.refused(422, "invalid_or_expired_token");
                }
                let kept = app.anonymous().post("/api/v1/auth/email/change/cancel", json!({"token": cancel}));
                match (act, restored) {
                    // An account that was taken over is not thereby taken from its owner.
                    ("/suspend", true) => kept.await.expect(204),
                    _ => kept.await.refused(422, "invalid_or_expired_token"),
                };
            }
        }
    }

    async fn who_never_verified_the_address_of_a_deleted_account_keeps_nobody_from_restoring_it(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        let (admin, ada) = (app.admin().await, app.user().await);
        admin.delete(&path(&ada.id, "")).await.expect(204);
        app.anonymous().register(&ada.email, "another long sentence of words").await.expect(202);
        admin.post(&path(&ada.id, "/restore"), json!({})).await.expect(200);
        assert_eq!(app.signed_in(&ada.email, PASSWORD).await.id, ada.id);
        let pending = admin.get(&format!("{USERS}?status=pending")).await.json();
        assert_eq!(pending["items"], json!([]));
    }

    async fn who_was_invited_to_the_address_of_a_deleted_account_keeps_it(app: App) {
        let (admin, clerk) = (app.admin().await, app.holder(&["users:read", "users:write"]).await);
        let ada = app.user().await;
        admin.delete(&path(&ada.id, "")).await.expect(204);
        app.later(SECOND);
        let invited = json!({"email": ada.email, "roles": ["admin"]});
        let invited = admin.post(USERS, invited).await.expect(201).json();
        for client in [&clerk, &admin] {
            client.post(&path(&ada.id, "/restore"), json!({})).await.refused(409, "email_taken");
        }
        let there = admin.get(&path(invited["id"].as_str().unwrap(), "")).await.expect(200).json();
        assert_eq!(there["status"], "pending");
        let accept = json!({"token": app.mailed_token(&ada.email).await, "new_password": PASSWORD});
        app.anonymous().post("/api/v1/auth/password/reset", accept).await.expect(200);
    }

    async fn activating_who_is_active_signs_nobody_out(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        admin.post(&path(&ada.id, "/activate"), json!({})).await.expect(200);
        ada.get(ME).await.expect(200);
    }

    async fn who_waits_for_verification_can_be_activated(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        let admin = app.admin().await;
        app.anonymous().register(NEW, PASSWORD).await.expect(202);
        let page = admin.get(&format!("{USERS}?status=pending")).await.expect(200).json();
        let id = page["items"][0]["id"].as_str().unwrap();
        admin.post(&path(id, "/activate"), json!({})).await.expect(200);
        app.signed_in(NEW, PASSWORD).await;
    }

    async fn a_deleted_account_is_gone_at_once_and_its_address_free(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let token = app.mailed_token(&ada.email).await;
        admin.delete(&path(&ada.id, "")).await.expect(204);
        is_signed_out(&app, &ada).await;
        app.anonymous().login(&ada.email, PASSWORD).await.refused(401, "invalid_credentials");
        let verify = json!({"token": token, "password": PASSWORD});
        app.anonymous()
            .post("/api/v1/auth/email/verify", verify)
            .await
            .refused(422, "invalid_or_expired_token");
        let gone = admin.get(&format!("{USERS}?status=deleted")).await.json();
        assert_eq!(gone["items"][0]["id"], ada.id.as_str());

        app.anonymous().register(&ada.email, PASSWORD).await.expect(201);
        admin.post(&path(&ada.id, "/restore"), json!({})).await.refused(409, "email_taken");
        let heir = app.signed_in(&ada.email, PASSWORD).await;
        assert_ne!(heir.id, ada.id);
        heir.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        admin.post(&path(&ada.id, "/restore"), json!({})).await.expect(200);
        assert_eq!(app.signed_in(&ada.email, PASSWORD).await.id, ada.id);
    }

    async fn a_restored_account_is_as_usable_as_before_and_its_sessions_stay_ended(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        admin.patch(&path(&ada.id, ""), json!({"display_name": "Ada"})).await.expect(200);
        admin.delete(&path(&ada.id, "")).await.expect(204);
        let restored = admin.post(&path(&ada.id, "/restore"), json!({})).await.expect(200).json();
        assert_eq!((&restored["status"], &restored["display_name"]), (&json!("active"), &json!("Ada")));
        is_signed_out(&app, &ada).await;
        let again = app.signed_in(&ada.email, PASSWORD).await;
        // To restore who is not deleted changes nothing.
        let same = admin.post(&path(&ada.id, "/restore"), json!({})).await.expect(200).json();
        assert_eq!((&same["status"], &same["updated_at"]), (&json!("active"), &restored["updated_at"]));
        again.get(ME).await.expect(200);
    }

    async fn who_was_suspended_or_pending_when_deleted_is_so_when_restored(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        let (admin, ada) = (app.admin().await, app.user().await);
        let invited = admin.post(USERS, json!({"email": NEW})).await.expect(201).json();
        app.suspend(&ada.id).await;
        for (id, status) in [(ada.id.as_str(), "suspended"), (invited["id"].as_str().unwrap(), "pending")] {
            admin.delete(&path(id, "")).await.expect(204);
            let listed = async |status: &str| {
                let page = admin.get(&format!("{USERS}?status={status}")).await.expect(200).json();
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|user| user["status"].clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!((listed("deleted").await, listed(status).await), (vec![json!("deleted")], vec![]));
            let restored = admin.post(&path(id, "/restore"), json!({})).await.expect(200).json();
            assert_eq!(restored["status"], status);
            assert_eq!((listed("deleted").await, listed(status).await), (vec![], vec![json!(status)]));
        }
        app.anonymous().login(&ada.email, PASSWORD).await.refused(403, "account_suspended");
    }

    async fn sessions_of_another_are_listed_without_secrets_and_ended_at_once(app: App) {
        let (admin, ada, eve) = (app.admin().await, app.user().await, app.user().await);
        app.later(SECOND);
        let there = app.signed_in(&ada.email, PASSWORD).await;
        let list = admin.get(&path(&ada.id, "/sessions")).await.expect(200);
        assert_json_snapshot!(list.json()["items"][0], {".id" => "[id]"}, @r#"
        {
          "created_at": "2030-01-01T08:00:01.000000Z",
          "current": false,
          "id": "[id]",
          "ip": "192.0.2.7",
          "last_used_at": "2030-01-01T08:00:01.000000Z",
          "user_agent": null
        }
        "#);
        assert_eq!(list.json()["items"].as_array().unwrap().len(), 2);
        admin.delete(&path(&ada.id, "/sessions")).await.expect(204);
        for session in [&ada, &there] {
            is_signed_out(&app, session).await;
        }
        eve.get(ME).await.expect(200);
        let none = admin.get(&path(&ada.id, "/sessions")).await.expect(200).json();
        assert_eq!(none, json!({"items": []}));
        app.signed_in(&ada.email, PASSWORD).await;
    }

    async fn a_role_counts_from_the_next_request_on_and_no_longer_than_it_is_held(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let roles = async |roles: Value| {
            let put = admin.request("PUT", &path(&ada.id, "/roles")).json(json!({"roles": roles})).await;
            put.expect(200).json()["roles"].clone()
        };
        ada.get(USERS).await.refused(403, "forbidden");
        assert_eq!(roles(json!(["admin", "user", "admin"])).await, json!(["admin", "user"]));
        ada.get(USERS).await.expect(200);
        assert_eq!(roles(json!(["user"])).await, json!(["user"]));
        ada.get(USERS).await.refused(403, "forbidden");
        // The next token says so, too.
        let pair = app.anonymous().refresh(&ada.refresh_token).await.expect(200).json();
        assert_eq!(pair["user"]["roles"], json!(["user"]));
        app.person(&pair).get(USERS).await.refused(403, "forbidden");
        let unknown =
            admin.request("PUT", &path(&ada.id, "/roles")).json(json!({"roles": ["user", "boss"]})).await;
        assert_eq!(
            unknown.refused(422, "validation_failed").faults(),
            [("/roles".into(), "unknown_role".into())]
        );
        assert_eq!(seen(&admin, &ada.id).await["roles"], json!(["user"]));
        assert_eq!(roles(json!([])).await, json!([]));
        ada.get(ME).await.expect(200);
    }
}
