//! Signing in.

use futures_util::future::join_all;
use insta::assert_json_snapshot;
use serde_json::json;
use stead::base::id::UserId;
use stead::base::secret::Password;

use crate::harness::{App, PASSWORD, behaviour};

const LOGIN: &str = "/api/v1/auth/login";

behaviour! {
    async fn who_signs_in_gets_a_pair_of_tokens_and_themselves(app: App) {
        app.anonymous().register("ada@example.com", PASSWORD).await.expect(201);
        let pair = app.anonymous().login("ada@example.com", PASSWORD).await.expect(200);
        assert_eq!(pair.header("cache-control"), Some("no-store"));
        assert_json_snapshot!(pair.json(), {
            ".access_token" => "[token]", ".refresh_token" => "[token]", ".device_token" => "[token]", ".user.id" => "[id]",
        }, @r#"
        {
          "access_token": "[token]",
          "device_token": "[token]",
          "expires_in": 600,
          "refresh_expires_in": 2592000,
          "refresh_token": "[token]",
          "token_type": "Bearer",
          "user": {
            "created_at": "2030-01-01T08:00:00.000000Z",
            "display_name": null,
            "email": "ada@example.com",
            "email_verified": false,
            "id": "[id]",
            "last_login_at": "2030-01-01T08:00:00.000000Z",
            "locale": "en",
            "roles": [
              "user"
            ],
            "status": "active",
            "updated_at": "2030-01-01T08:00:00.000000Z"
          }
        }
        "#);
    }

    async fn an_unknown_address_and_a_wrong_password_get_the_same_answer(app: App) {
        let ada = app.user().await;
        let anonymous = app.anonymous();
        let wrong = anonymous.login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
        for (email, password) in
            [("nobody@example.com", "wrong"), ("nobody@example.com", ""), (&ada.email, "")]
        {
            let same = anonymous.login(email, password).await.refused(401, "invalid_credentials");
            assert_eq!(same.seen(), wrong.seen(), "{email} {password:?}");
        }
    }

    async fn a_suspension_is_told_only_after_the_right_password_and_costs_no_attempt(app: App) {
        let ada = app.user().await;
        app.suspend(&ada.id).await;
        let wrong = app.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        let unknown = app.anonymous().login("nobody@example.com", "wrong").await;
        assert_eq!(wrong.seen(), unknown.seen());
        for _ in 0..12 {
            app.anonymous().login(&ada.email, PASSWORD).await.refused(403, "account_suspended");
        }
        app.activate(&ada.id).await;
        app.signed_in(&ada.email, PASSWORD).await.get("/api/v1/users/me").await.expect(200);
    }

    async fn a_suspension_ends_every_session_at_once(app: App) {
        let ada = app.user().await;
        app.suspend(&ada.id).await;
        for _ in 0..2 {
            ada.get("/api/v1/users/me").await.refused(401, "invalid_token");
            app.anonymous().refresh(&ada.refresh_token).await.refused(401, "invalid_refresh_token");
            app.activate(&ada.id).await;
        }
    }

    async fn an_account_without_a_password_cannot_be_signed_in_to(app: App) {
        let new = stead::features::users::service::NewUser {
            email: "invited@example.com".parse().unwrap(),
            password: None,
            display_name: None,
            locale: None,
            roles: Default::default(),
        };
        app.users().create(new, stead::access::principal::Actor::OPERATOR).await.unwrap();
        for password in ["", PASSWORD, "null"] {
            app.anonymous().login("invited@example.com", password).await.refused(401, "invalid_credentials");
        }
    }

    async fn an_over_long_password_is_refused_before_anything_is_looked_up(app: App) {
        let ada = app.user().await;
        let long = "x".repeat(1025);
        for _ in 0..12 {
            for email in [&ada.email, "nobody@example.com"] {
                let refused = app.anonymous().login(email, &long).await.refused(422, "validation_failed");
                assert_eq!(refused.faults(), [("/password".into(), "too_long".into())]);
            }
        }
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn a_sign_in_takes_nothing_but_what_it_asks_for(app: App) {
        let ada = app.user().await;
        for field in ["session_id", "sid", "user_id", "roles", "remember_me"] {
            let mut body = json!({"email": ada.email, "password": PASSWORD});
            body[field] = json!("x");
            let refused = app.anonymous().post(LOGIN, body).await.refused(422, "unknown_field");
            assert_eq!(refused.faults(), [(format!("/{field}"), "unknown_field".into())]);
        }
        let refused =
            app.anonymous().post(LOGIN, json!({"email": ada.email})).await.refused(422, "validation_failed");
        assert_eq!(refused.faults(), [("/password".into(), "required".into())]);
    }

    async fn every_sign_in_is_a_session_of_its_own(app: App) {
        let first = app.user().await;
        let second = app.signed_in(&first.email, PASSWORD).await;
        assert_ne!(first.refresh_token, second.refresh_token);
        // A token that is already held changes nothing: nobody can choose the session they get.
        let body = json!({"email": first.email, "password": PASSWORD, "device_token": first.device_token});
        let third = app.person(&first.post(LOGIN, body).header("cookie", "sid=1").await.expect(200).json());
        let sessions = third.get("/api/v1/auth/sessions").await.expect(200).json();
        assert_eq!(sessions["items"].as_array().unwrap().len(), 3);
        for person in [&first, &second, &third] {
            person.get("/api/v1/users/me").await.expect(200);
        }
    }

    async fn many_right_passwords_at_once_all_sign_in(app: App) {
        let ada = app.user().await;
        let replies =
            join_all((0..20).map(|_| app.anonymous().login(&ada.email, PASSWORD).into_future())).await;
        for reply in replies {
            reply.expect(200);
        }
    }

    async fn a_stored_hash_with_older_settings_is_replaced_when_its_owner_signs_in(app: App) {
        let ada = app.user().await;
        let stronger = app.stage.clone().with("auth.hash.memory_kib", 128).start().await;
        let hash = async || {
            let account = app.users().find_by_email(&ada.email.parse().unwrap()).await.unwrap();
            account.password_hash.unwrap().0
        };
        stronger.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        assert!(hash().await.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        stronger.anonymous().login(&ada.email, PASSWORD).await.expect(200);
        assert!(hash().await.starts_with("$argon2id$v=19$m=128,t=1,p=1$"));
        stronger.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn many_right_passwords_at_once_all_sign_in_while_their_hash_is_replaced(app: App) {
        let ada = app.user().await;
        let stronger = app.stage.clone().with("auth.hash.memory_kib", 128).start().await;
        let logins = (0..12).map(|_| stronger.anonymous().login(&ada.email, PASSWORD).into_future());
        for login in join_all(logins).await {
            login.expect(200);
        }
        // And all of it at no cost: the budget of guesses is whole.
        for _ in 0..10 {
            stronger.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        }
    }

    async fn what_changes_while_a_hash_is_replaced_holds_for_the_sign_in(app: App) {
        // Slow enough for something to happen between the check and the session.
        let slow = app.stage.clone().with("auth.hash.memory_kib", 65_536).start().await;
        let set = async |column: &'static str, id: &str, value: &str| {
            let mut tx = app.state.db.write().await.unwrap();
            let update = tx.query("UPDATE users SET ").push(column).push(" = $? WHERE id = $?");
            update.bind(value).bind(id.parse::<UserId>().unwrap()).execute().await.unwrap();
            tx.commit().await.unwrap();
        };
        let other = app.state.passwords.rehash(Password::new("another".into())).await.unwrap();
        for (column, value, refusal) in [
            ("password_hash", other.as_str(), (401, "invalid_credentials")),
            ("status", "suspended", (403, "account_suspended")),
            ("status", "deleted", (401, "invalid_credentials")),
        ] {
            let mut met = false;
            for _ in 0..20 {
                let (ada, before) = (app.user().await, slow.state.passwords.computed());
                let login = tokio::spawn(slow.anonymous().login(&ada.email, PASSWORD).into_future());
                while slow.state.passwords.computed() == before {
                    tokio::task::yield_now().await;
                }
                set(column, &ada.id, value).await;
                let reply = login.await.unwrap();
                met = reply.status != 200;
                if met {
                    reply.refused(refusal.0, refusal.1);
                    break;
                }
            }
            assert!(met, "nothing was changed between a check and its session: {value}");
        }
    }
}
