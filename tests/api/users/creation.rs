//! Accounts that are made for somebody, with a password or by an invitation.

use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, Stage, behaviour};

const USERS: &str = "/api/v1/users";
const ME: &str = "/api/v1/users/me";
const RESET: &str = "/api/v1/auth/password/reset";
const NEW: &str = "new@example.com";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn path(id: &str, rest: &str) -> String {
    format!("{USERS}/{id}{rest}")
}

async fn seen(admin: &Client, id: &str) -> Value {
    admin.get(&path(id, "")).await.expect(200).json()
}

behaviour! {
    async fn an_account_made_with_a_password_is_usable_at_once(app: App) {
        let admin = app.admin().await;
        let new =
            json!({"email": "New@Example.com", "password": PASSWORD, "display_name": "Ada", "locale": "zh"});
        let made = admin.post(USERS, new).await.expect(201);
        assert_json_snapshot!(made.json(), {".id" => "[id]"}, @r#"
        {
          "created_at": "2030-01-01T08:00:00.000000Z",
          "display_name": "Ada",
          "email": "new@example.com",
          "email_verified": true,
          "id": "[id]",
          "last_login_at": null,
          "locale": "zh",
          "roles": [
            "user"
          ],
          "status": "active",
          "updated_at": "2030-01-01T08:00:00.000000Z"
        }
        "#);
        let location = made.header("location").unwrap();
        assert_eq!(admin.get(location).await.expect(200).json(), made.json());
        assert_eq!(app.mails_to(NEW).await, Vec::<Value>::new());
        assert_eq!(app.signed_in(NEW, PASSWORD).await.id, made.json()["id"]);
    }

    async fn an_account_made_without_a_password_invites_the_person_to_choose_one(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        let admin = app.admin().await;
        let made = admin.post(USERS, json!({"email": NEW, "locale": "zh"})).await.expect(201);
        assert_eq!(
            (&made.json()["status"], &made.json()["email_verified"]),
            (&json!("pending"), &json!(false))
        );
        let mail = app.mails_to(NEW).await.remove(0);
        let link = mail["link"].as_str().unwrap();
        assert!(link.contains("/accept-invitation#token="), "{link}");
        let token = app.mailed_token(NEW).await;
        assert!(!made.text().contains(&token), "only the mailbox has it");
        app.anonymous().login(NEW, PASSWORD).await.refused(401, "invalid_credentials");
        // Nobody else takes the place that is kept.
        app.anonymous().register(NEW, "seven purple otters dance").await.expect(202);
        app.anonymous().login(NEW, "seven purple otters dance").await.refused(401, "invalid_credentials");

        let accept = json!({"token": token, "new_password": PASSWORD});
        app.anonymous().post(RESET, accept.clone()).await.expect(200);
        let me = app.signed_in(NEW, PASSWORD).await.get(ME).await.json();
        assert_eq!((&me["status"], &me["email_verified"]), (&json!("active"), &json!(true)));
        app.anonymous().post(RESET, accept).await.refused(422, "invalid_or_expired_token");
    }

    async fn an_invitation_is_good_for_a_day_and_who_comes_later_asks_for_a_link(app: App) {
        let admin = app.admin().await;
        admin.post(USERS, json!({"email": NEW})).await.expect(201);
        let token = app.mailed_token(NEW).await;
        app.later(DAY);
        let accept = |token: &str| json!({"token": token, "new_password": PASSWORD});
        app.anonymous().post(RESET, accept(&token)).await.refused(422, "invalid_or_expired_token");
        app.anonymous().post("/api/v1/auth/password/forgot", json!({"email": NEW})).await.expect(202);
        app.anonymous().post(RESET, accept(&app.mailed_token(NEW).await)).await.expect(200);
        app.signed_in(NEW, PASSWORD).await;
    }

    async fn an_account_that_cannot_be_made_is_not_made(app: App) {
        let admin = app.admin().await;
        let ada = app.user().await;
        for (body, status, code, faults) in [
            (json!({"email": ada.email.to_uppercase()}), 409, "email_taken", vec![]),
            (
                json!({"email": NEW, "roles": ["boss"]}),
                422,
                "validation_failed",
                vec![("/roles", "unknown_role")],
            ),
            (
                json!({"email": NEW, "roles": ["admin", ""]}),
                422,
                "validation_failed",
                vec![("/roles/1", "invalid_role_name")],
            ),
            (
                json!({"email": NEW, "password": "short"}),
                422,
                "weak_password",
                vec![("/password", "password_too_short")],
            ),
            (
                json!({"email": NEW, "password": NEW}),
                422,
                "weak_password",
                vec![("/password", "weak_password")],
            ),
            (
                json!({"email": "new", "locale": "fr"}),
                422,
                "validation_failed",
                vec![("/email", "invalid_email"), ("/locale", "invalid_language")],
            ),
            (json!({}), 422, "validation_failed", vec![("/email", "required")]),
        ] {
            let refused = admin.post(USERS, body.clone()).await.refused(status, code);
            let faults: Vec<_> = faults.into_iter().map(|(p, c)| (p.to_owned(), c.to_owned())).collect();
            assert_eq!(refused.faults(), faults, "{body}");
        }
        let total = admin.get(&format!("{USERS}?include_total=true")).await.json()["total"].clone();
        assert_eq!((total, app.mails_to(NEW).await.len()), (json!(2), 0));
    }

    async fn a_body_sets_nothing_but_what_the_operation_names(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let before = seen(&admin, &ada.id).await;
        let fields = [
            "id",
            "status",
            "email_verified",
            "created_at",
            "updated_at",
            "version",
            "last_login_at",
            "deleted_at",
            "password_hash",
            "is_admin",
            "permissions",
            "user_id",
        ];
        for field in fields {
            let mut new = json!({"email": NEW});
            new[field] = json!(1);
            let refused = admin.post(USERS, new).await.refused(422, "unknown_field");
            assert_eq!(refused.faults(), [(format!("/{field}"), "unknown_field".into())]);
        }
        // Nobody sets the password or the address of another: they get a link.
        for field in fields.into_iter().chain(["email", "password", "new_password", "roles"]) {
            let mut changes = json!({"display_name": "Eve"});
            changes[field] = json!(1);
            admin.patch(&path(&ada.id, ""), changes).await.refused(422, "unknown_field");
        }
        let roles = json!({"roles": ["user"], "permissions": ["users:read"]});
        admin.request("PUT", &path(&ada.id, "/roles")).json(roles).await.refused(422, "unknown_field");
        assert_eq!(seen(&admin, &ada.id).await, before);
        app.anonymous().login(NEW, PASSWORD).await.refused(401, "invalid_credentials");
    }
}
