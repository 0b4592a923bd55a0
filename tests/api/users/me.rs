//! One's own account.

use std::time::Duration;

use futures_util::future::join_all;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Person, Stage, behaviour};

const ME: &str = "/api/v1/users/me";

async fn me(person: &Person) -> Value {
    person.get(ME).await.expect(200).json()
}

behaviour! {
    async fn everyone_sees_their_own_account_and_no_secret_of_it(app: App) {
        let ada = app.user().await;
        let reply = ada.get(ME).await.expect(200);
        assert_json_snapshot!(reply.json(), {".id" => "[id]"}, @r#"
        {
          "created_at": "2030-01-01T08:00:00.000000Z",
          "display_name": null,
          "email": "user1@example.com",
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
        "#);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }

    async fn a_merge_patch_sets_clears_and_leaves(app: App) {
        let ada = app.user().await;
        app.later(Duration::from_secs(1));
        let set = ada.patch(ME, json!({"display_name": "  Ada  ", "locale": "zh"})).await.expect(200).json();
        assert_eq!((&set["display_name"], &set["locale"]), (&json!("Ada"), &json!("zh")));
        assert_eq!(set["updated_at"], "2030-01-01T08:00:01.000000Z");
        assert_eq!(set, me(&ada).await);

        let merge =
            ada.request("PATCH", ME).body("application/merge-patch+json", r#"{"display_name": null}"#);
        let cleared = merge.await.expect(200).json();
        assert_eq!((&cleared["display_name"], &cleared["locale"]), (&json!(null), &json!("zh")));
        let left = ada.patch(ME, json!({})).await.expect(200).json();
        assert_eq!((&left["display_name"], &left["locale"]), (&json!(null), &json!("zh")));
    }

    async fn a_patch_with_a_fault_changes_nothing(app: App) {
        let ada = app.user().await;
        let before = me(&ada).await;
        for (patch, code, pointer, fault) in [
            (json!({"display_name": "x".repeat(101)}), "validation_failed", "/display_name", "too_long"),
            (json!({"display_name": " "}), "validation_failed", "/display_name", "too_short"),
            (json!({"display_name": "a\u{0}b"}), "validation_failed", "/display_name", "invalid_characters"),
            (json!({"display_name": 7}), "validation_failed", "/display_name", "wrong_type"),
            (json!({"locale": "fr"}), "validation_failed", "/locale", "invalid_language"),
            (json!({"display_name": "Ada", "roles": ["admin"]}), "unknown_field", "/roles", "unknown_field"),
            (
                json!({"display_name": "Ada", "email": "eve@example.com"}),
                "unknown_field",
                "/email",
                "unknown_field",
            ),
            (json!({"status": "active"}), "unknown_field", "/status", "unknown_field"),
            (json!({"email_verified": true}), "unknown_field", "/email_verified", "unknown_field"),
            (json!({"password": PASSWORD}), "unknown_field", "/password", "unknown_field"),
        ] {
            let refused = ada.patch(ME, patch).await.refused(422, code);
            assert_eq!(refused.faults(), [(pointer.into(), fault.into())]);
        }
        assert_eq!(me(&ada).await, before);
        ada.patch(ME, json!({"display_name": "é".repeat(100)})).await.expect(200);
    }

    async fn a_change_based_on_an_older_version_is_refused(app: App) {
        let ada = app.user().await;
        let older = ada.get(ME).await.header("etag").unwrap().to_owned();
        assert!(older.starts_with('"') && older.ends_with('"'), "{older} is a strong tag");
        let changed =
            ada.patch(ME, json!({"display_name": "Ada"})).header("if-match", &older).await.expect(200);
        let newer = changed.header("etag").unwrap().to_owned();
        assert_eq!(ada.get(ME).await.header("etag"), Some(newer.as_str()));

        for stale in [older.as_str(), "\"0\"", "W/\"2\"", "garbage", "\"é\""] {
            let refused = ada.patch(ME, json!({"display_name": "Eve"})).header("if-match", stale).await;
            refused.refused(412, "precondition_failed");
        }
        assert_eq!(me(&ada).await["display_name"], "Ada");
        // A sign-in changes what is shown and not the version, so it never spoils an edit.
        app.later(Duration::from_secs(1));
        app.signed_in(&ada.email, PASSWORD).await;
        ada.patch(ME, json!({"locale": "zh"})).header("if-match", &newer).await.expect(200);
        ada.patch(ME, json!({"locale": "en"})).header("if-match", "*").await.expect(200);
    }

    async fn of_many_changes_to_one_version_exactly_one_succeeds(app: App) {
        let ada = app.user().await;
        let tag = ada.get(ME).await.header("etag").unwrap().to_owned();
        let change =
            |n: usize| ada.patch(ME, json!({"display_name": format!("Ada {n}")})).header("if-match", &tag);
        let replies = join_all((0..8).map(|n| change(n).into_future())).await;
        let (done, late): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!(done.len(), 1);
        for reply in late {
            assert!(reply.status == 412 || reply.status == 409, "{}", reply.text());
        }
    }

    async fn what_is_known_already_is_not_sent_again(app: App) {
        let ada = app.user().await;
        let tag = ada.get(ME).await.header("etag").unwrap().to_owned();
        let same = ada.get(ME).header("if-none-match", &tag).await.expect(304);
        assert_eq!((same.body.len(), same.header("etag")), (0, Some(tag.as_str())));
        app.later(Duration::from_secs(1));
        app.signed_in(&ada.email, PASSWORD).await;
        ada.get(ME).header("if-none-match", &tag).await.expect(200);
    }

    async fn who_deletes_their_account_gives_the_password_once_more_and_is_gone(app: App) {
        let ada = app.user().await;
        let there = app.signed_in(&ada.email, PASSWORD).await;
        ada.delete(ME).json(json!({"password": "wrong"})).await.refused(401, "invalid_credentials");
        ada.delete(ME).json(json!({})).await.refused(422, "validation_failed");
        ada.delete(ME).json(json!({"password": "x".repeat(1025)})).await.refused(422, "validation_failed");
        ada.delete(ME).await.refused(415, "unsupported_media_type");
        ada.get(ME).await.expect(200);

        ada.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        for session in [&ada, &there] {
            session.get(ME).await.refused(401, "invalid_token");
            app.anonymous().refresh(&session.refresh_token).await.refused(401, "invalid_refresh_token");
        }
        app.anonymous().login(&ada.email, PASSWORD).await.refused(401, "invalid_credentials");
    }

    async fn the_address_of_a_deleted_account_is_free_again_and_its_links_are_dead(app: App) {
        let ada = app.user().await;
        let token = app.mailed_token(&ada.email).await;
        ada.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        let verify = json!({"token": token, "password": PASSWORD});
        app.anonymous()
            .post("/api/v1/auth/email/verify", verify)
            .await
            .refused(422, "invalid_or_expired_token");

        app.anonymous().register(&ada.email, PASSWORD).await.expect(201);
        let again = app.signed_in(&ada.email, PASSWORD).await;
        assert_ne!(again.id, ada.id);
        ada.get(ME).await.refused(401, "invalid_token");
    }

    async fn the_last_active_admin_stays_until_there_is_another(app: App) {
        let admin = app.admin().await;
        let confirmation = json!({"password": PASSWORD});
        admin.delete(ME).json(confirmation.clone()).await.refused(409, "last_admin");
        admin.get(ME).await.expect(200);
        let second = app.admin().await;
        admin.delete(ME).json(confirmation.clone()).await.expect(204);
        second.delete(ME).json(confirmation).await.refused(409, "last_admin");
    }

    async fn of_the_last_two_admins_who_leave_at_once_one_stays(stage: Stage) {
        let app = stage.start().await;
        let (one, two) = (app.admin().await, app.admin().await);
        let leave = |admin: &Person| admin.delete(ME).json(json!({"password": PASSWORD})).into_future();
        let (first, second) = tokio::join!(leave(&one), leave(&two));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
    }
}
