//! Choosing a new password with a mailed link.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Person, Stage, behaviour};

const ME: &str = "/api/v1/users/me";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const VERIFY: &str = "/api/v1/auth/email/verify";
const NEW: &str = "seven purple otters dance";
const SECOND: Duration = Duration::from_secs(1);
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

fn reset(token: &str, new: &str) -> Value {
    json!({"token": token, "new_password": new})
}

/// The token that somebody who forgot their password finds in the mailbox.
async fn forgotten(app: &App, email: &str) -> String {
    app.later(SECOND);
    app.anonymous().post(FORGOT, json!({"email": email})).await.expect(202);
    app.mailed_token(email).await
}

async fn is_signed_out(app: &App, person: &Person) {
    person.get(ME).await.refused(401, "invalid_token");
    app.anonymous().refresh(&person.refresh_token).await.refused(401, "invalid_refresh_token");
}

behaviour! {
    async fn who_has_the_mailbox_chooses_a_new_password_and_all_sessions_end(app: App) {
        let ada = app.user().await;
        let there = app.signed_in(&ada.email, PASSWORD).await;
        let token = forgotten(&app, &ada.email).await;
        app.later(SECOND);
        let done = app.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);

        // Nobody is signed in by it.
        let keys: Vec<_> = done.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            (keys, done.header("cache-control"), done.header("set-cookie")),
            (vec!["device_token".into()], Some("no-store"), None)
        );
        for session in [&ada, &there] {
            is_signed_out(&app, session).await;
        }
        app.anonymous().login(&ada.email, PASSWORD).await.refused(401, "invalid_credentials");
        let ada = app.signed_in(&ada.email, NEW).await;
        assert_eq!(ada.get(ME).await.json()["email_verified"], true);
        let sessions = ada.get("/api/v1/auth/sessions").await.json();
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
        let notice = app.mails_to(&ada.email).await.remove(0);
        assert_eq!(
            (&notice["subject"], &notice["link"]),
            (&json!("Your password at Stead was changed"), &json!(null))
        );
    }

    async fn a_link_works_once_even_if_it_is_used_many_times_at_once(app: App) {
        let ada = app.user().await;
        let token = forgotten(&app, &ada.email).await;
        let passwords: Vec<_> = (0..32).map(|n| format!("{NEW} number {n}")).collect();
        let uses = passwords.iter().map(|new| app.anonymous().post(RESET, reset(&token, new)).into_future());
        let mut winner = None;
        for (password, reply) in passwords.iter().zip(join_all(uses).await) {
            match reply.status.as_u16() {
                200 => assert_eq!(winner.replace(password), None, "two uses of one link"),
                _ => drop(reply.refused(422, "invalid_or_expired_token")),
            }
        }
        app.anonymous().post(RESET, reset(&token, NEW)).await.refused(422, "invalid_or_expired_token");
        app.anonymous().login(&ada.email, winner.unwrap()).await.expect(200);
    }

    async fn a_newer_link_ends_the_older(app: App) {
        let ada = app.user().await;
        let older = forgotten(&app, &ada.email).await;
        let newer = forgotten(&app, &ada.email).await;
        assert_ne!(older, newer);
        app.anonymous().post(RESET, reset(&older, NEW)).await.refused(422, "invalid_or_expired_token");
        app.anonymous().post(RESET, reset(&newer, NEW)).await.expect(200);
    }

    async fn a_link_is_good_for_half_an_hour(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let late = forgotten(&app, &bob.email).await;
        app.later(HALF_AN_HOUR - SECOND);
        let token = forgotten(&app, &ada.email).await;
        app.anonymous().post(RESET, reset(&late, NEW)).await.refused(422, "invalid_or_expired_token");
        app.later(HALF_AN_HOUR - SECOND);
        app.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);
        app.anonymous().login(&bob.email, PASSWORD).await.expect(200);
    }

    async fn a_weak_password_does_not_use_the_link_up(app: App) {
        let ada = app.user().await;
        let token = forgotten(&app, &ada.email).await;
        for (weak, fault) in
            [("short", "password_too_short"), ("password1", "weak_password"), (&ada.email, "weak_password")]
        {
            let refused =
                app.anonymous().post(RESET, reset(&token, weak)).await.refused(422, "weak_password");
            assert_eq!(refused.faults(), [("/new_password".into(), fault.into())]);
        }
        let long = reset(&token, &"x".repeat(1025));
        app.anonymous().post(RESET, long).await.refused(422, "validation_failed");
        app.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);
    }

    async fn nothing_but_the_mailed_token_resets_a_password(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        let verification = app.mailed_token(&ada.email).await;
        let mut tampered = forgotten(&app, &ada.email).await;
        tampered.replace_range(5..6, if &tampered[5..6] == "A" { "B" } else { "A" });
        for token in [
            "",
            " ",
            "x",
            "null",
            &tampered,
            &verification,
            &ada.access_token,
            &ada.refresh_token,
            &ada.device_token,
            &ada.id,
        ] {
            // Nor does it help to be signed in, as somebody else or as the owner.
            for client in [&app.anonymous(), &*eve, &*ada] {
                client.post(RESET, reset(token, NEW)).await.refused(422, "invalid_or_expired_token");
            }
        }
        let anonymous = app.anonymous();
        for (body, pointer) in
            [(json!({"new_password": NEW}), "/token"), (json!({"token": tampered}), "/new_password")]
        {
            let refused = anonymous.post(RESET, body).await.refused(422, "validation_failed");
            assert_eq!(refused.faults(), [(pointer.into(), "required".into())]);
        }
        anonymous
            .post(RESET, json!({"token": null, "new_password": NEW}))
            .await
            .refused(422, "validation_failed");
        let genuine = app.mailed_token(&ada.email).await;
        for field in ["email", "user_id", "id", "roles", "step", "next"] {
            let mut body = reset(&genuine, NEW);
            body[field] = json!(eve.id);
            anonymous.post(RESET, body).await.refused(422, "unknown_field");
        }
        for person in [&ada, &eve] {
            anonymous.login(&person.email, PASSWORD).await.expect(200);
        }
    }

    async fn a_link_for_a_new_password_is_good_for_nothing_else(app: App) {
        let ada = app.user().await;
        let token = forgotten(&app, &ada.email).await;
        let only = json!({"token": token});
        ada.post(VERIFY, only.clone()).await.refused(422, "invalid_or_expired_token");
        ada.post("/api/v1/auth/email/change/cancel", only).await.refused(422, "invalid_or_expired_token");
        app.anonymous().refresh(&token).await.refused(401, "invalid_refresh_token");
        app.anonymous().with_token(&token).get(ME).await.refused(401, "invalid_token");
        app.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);
    }

    async fn the_owner_is_not_kept_out_by_strangers_who_guess(app: App) {
        let ada = app.user().await;
        let token = forgotten(&app, &ada.email).await;
        for _ in 0..10 {
            app.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        }
        let device =
            app.anonymous().post(RESET, reset(&token, NEW)).await.expect(200).json()["device_token"].clone();
        // What was guessed before counts no more; and if they go on, the device is known.
        app.anonymous().login(&ada.email, NEW).await.expect(200);
        for _ in 0..10 {
            app.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        }
        app.anonymous().login(&ada.email, NEW).await.refused(429, "too_many_attempts");
        let known = json!({"email": ada.email, "password": NEW, "device_token": device});
        app.anonymous().post("/api/v1/auth/login", known).await.expect(200);
    }

    async fn a_link_also_shows_the_mailbox_so_a_pending_account_becomes_active(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        app.anonymous().register("ada@example.com", PASSWORD).await.expect(202);
        let verification = app.mailed_token("ada@example.com").await;
        let token = forgotten(&app, "ada@example.com").await;
        app.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);
        let me = app.signed_in("ada@example.com", NEW).await.get(ME).await.json();
        assert_eq!((&me["status"], &me["email_verified"]), (&json!("active"), &json!(true)));
        // What was sent before is settled.
        let verify = json!({"token": verification, "password": NEW});
        app.anonymous().post(VERIFY, verify).await.refused(422, "invalid_or_expired_token");
    }

    async fn who_registered_the_address_of_somebody_else_is_thrown_out_by_its_owner(app: App) {
        let eve = app.user().await;
        app.later(SECOND);
        // The owner of the mailbox does not know Eve's password, so the link to verify gives her nothing.
        let verify = json!({"token": app.mailed_token(&eve.email).await, "password": NEW});
        app.anonymous().post(VERIFY, verify).await.refused(401, "invalid_credentials");

        let token = forgotten(&app, &eve.email).await;
        app.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);
        is_signed_out(&app, &eve).await;
        let with_device = json!({"email": eve.email, "password": PASSWORD, "device_token": eve.device_token});
        app.anonymous().post("/api/v1/auth/login", with_device).await.refused(401, "invalid_credentials");
        app.signed_in(&eve.email, NEW).await;
    }

    async fn a_suspended_account_stays_suspended_and_its_link_is_dead(app: App) {
        let ada = app.user().await;
        let token = forgotten(&app, &ada.email).await;
        app.suspend(&ada.id).await;
        app.anonymous().post(RESET, reset(&token, NEW)).await.refused(422, "invalid_or_expired_token");
        app.anonymous().login(&ada.email, PASSWORD).await.refused(403, "account_suspended");
        app.activate(&ada.id).await;
        app.anonymous().post(RESET, reset(&token, NEW)).await.refused(422, "invalid_or_expired_token");
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn the_link_of_a_deleted_account_opens_neither_it_nor_its_successor(app: App) {
        let ada = app.user().await;
        let token = forgotten(&app, &ada.email).await;
        ada.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        app.anonymous().register(&ada.email, PASSWORD).await.expect(201);
        app.anonymous().post(RESET, reset(&token, NEW)).await.refused(422, "invalid_or_expired_token");
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn a_login_that_raced_a_reset_does_not_survive_it(app: App) {
        let ada = app.user().await;
        let (mut early, mut passwords) = (0, [PASSWORD, NEW]);
        for _ in 0..12 {
            // Not more than three mails an hour.
            app.later(Duration::from_secs(3600));
            let token = forgotten(&app, &ada.email).await;
            let [old, new] = passwords;
            let logins = join_all((0..4).map(|_| app.anonymous().login(&ada.email, old).into_future()));
            let used = app.anonymous().post(RESET, reset(&token, new)).into_future();
            let (logins, used) = tokio::join!(logins, used);
            used.expect(200);
            for login in logins {
                if login.status == 200 {
                    early += 1;
                    is_signed_out(&app, &app.person(&login.json())).await;
                } else {
                    login.refused(401, "invalid_credentials");
                }
            }
            app.anonymous().login(&ada.email, old).await.refused(401, "invalid_credentials");
            app.anonymous().login(&ada.email, new).await.expect(200);
            passwords.reverse();
            app.later(Duration::from_secs(900));
        }
        assert!(early > 0, "no login came before its reset, so nothing was shown");
    }

    async fn whatever_meets_a_reset_waits_for_it_and_fails_nobody(app: App) {
        let admin = app.admin().await;
        for round in 0..9 {
            let ada = app.user().await;
            let token = forgotten(&app, &ada.email).await;
            let other = match round % 3 {
                0 => {
                    let change =
                        json!({"current_password": PASSWORD, "new_password": "another long sentence"});
                    ada.post("/api/v1/auth/password/change", change)
                }
                1 => {
                    let change =
                        json!({"password": PASSWORD, "new_email": format!("new{round}@example.com")});
                    ada.post("/api/v1/auth/email/change", change)
                }
                _ => admin.post(&format!("/api/v1/users/{}/suspend", ada.id), json!({})),
            };
            let used = app.anonymous().post(RESET, reset(&token, NEW)).into_future();
            let (other, used) = tokio::join!(other.into_future(), used);
            assert!(other.status.as_u16() < 500, "{}", other.text());
            assert!(matches!(used.status.as_u16(), 200 | 422), "{}", used.text());
        }
    }

    async fn a_link_is_good_on_every_replica_and_ends_sessions_on_all(app: App) {
        let replica = app.stage.start().await;
        let ada = app.user().await;
        let token = forgotten(&app, &ada.email).await;
        ada.get(ME).await.expect(200);
        replica.anonymous().post(RESET, reset(&token, NEW)).await.expect(200);
        app.hears().await;
        is_signed_out(&app, &ada).await;
        app.anonymous().post(RESET, reset(&token, PASSWORD)).await.refused(422, "invalid_or_expired_token");
        app.anonymous().login(&ada.email, NEW).await.expect(200);
    }
}
