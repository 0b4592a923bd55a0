//! What a role is, how it is made, read, changed and deleted.

use serde_json::json;

use super::{ROLES, create, give, path, permit};
use crate::harness::{App, behaviour};

behaviour! {
    async fn a_role_is_made_read_changed_and_deleted(app: App) {
        let admin = app.admin().await;
        let new = json!({"name": "auditor", "description": " Reads the log ", "permissions": ["audit:read", "audit:read"]});
        let made = admin.post(ROLES, new).await.expect(201);
        assert_eq!(made.header("location"), Some("/api/v1/roles/auditor"));
        let role = json!({"name": "auditor", "description": "Reads the log", "built_in": false, "permissions": ["audit:read"]});
        assert_eq!(made.json(), role);
        assert_eq!(admin.get(&path("auditor")).await.expect(200).json(), role);

        let changed = admin.patch(&path("auditor"), json!({"permissions": ["users:read", "audit:read"]})).await;
        assert_eq!(changed.expect(200).json()["permissions"], json!(["audit:read", "users:read"]));
        let changed = admin
            .request("PATCH", &path("auditor"))
            .body("application/merge-patch+json", json!({"description": "Looks", "permissions": []}).to_string())
            .await
            .expect(200);
        let role = json!({"name": "auditor", "description": "Looks", "built_in": false, "permissions": []});
        assert_eq!(changed.json(), role);
        assert_eq!(admin.patch(&path("auditor"), json!({})).await.expect(200).json(), role);
        let cleared = admin.patch(&path("auditor"), json!({"description": null})).await.expect(200).json();
        assert_eq!(cleared["description"], "");

        admin.delete(&path("auditor")).await.expect(204);
        for method in ["GET", "PATCH", "DELETE"] {
            admin.request(method, &path("auditor")).json(json!({})).await.refused(404, "not_found");
        }
        // The name is free again, and nothing is left of what had it.
        let again = admin.post(ROLES, json!({"name": "auditor"})).await.expect(201).json();
        assert_eq!(again, json!({"name": "auditor", "description": "", "built_in": false, "permissions": []}));
    }

    async fn a_tag_names_one_version_and_saves_transfers_and_updates(app: App) {
        let admin = app.admin().await;
        create(&admin, "auditor", &["audit:read"]).await.expect(201);
        let first = admin.get(&path("auditor")).await.expect(200).header("etag").unwrap().to_owned();
        assert!(first.starts_with('"'), "{first} is strong");
        let known = admin.get(&path("auditor")).header("if-none-match", &first).await.expect(304);
        assert_eq!((known.body.len(), known.header("etag")), (0, Some(first.as_str())));

        let change = admin.patch(&path("auditor"), json!({"description": "x"})).header("if-match", &first);
        let second = change.await.expect(200).header("etag").unwrap().to_owned();
        assert_ne!(first, second);
        admin.get(&path("auditor")).header("if-none-match", &first).await.expect(200);
        for stale in [first.as_str(), "\"0\"", "nonsense"] {
            let change = admin.patch(&path("auditor"), json!({"description": "y"})).header("if-match", stale);
            change.await.refused(412, "precondition_failed");
            let end = admin.delete(&path("auditor")).header("if-match", stale);
            end.await.refused(412, "precondition_failed");
        }
        let seen = admin.get(&path("auditor")).await.expect(200);
        assert_eq!((&seen.json()["description"], seen.header("etag")), (&json!("x"), Some(second.as_str())));
        admin.delete(&path("auditor")).header("if-match", &second).await.expect(204);
    }

    async fn all_faults_of_a_body_are_named_with_their_places(app: App) {
        let admin = app.admin().await;
        let faults = |reply: crate::harness::Reply, code| reply.refused(422, code).faults();
        let at = |faults: &[(&str, &str)]| -> Vec<_> {
            faults.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect()
        };
        let unknown = json!({"name": "x", "permissions": ["audit:read", "users:fly", "users:read", "", "a\0"]});
        assert_eq!(
            faults(admin.post(ROLES, unknown).await, "validation_failed"),
            at(&[
                ("/permissions/1", "unknown_permission"),
                ("/permissions/3", "unknown_permission"),
                ("/permissions/4", "unknown_permission"),
            ])
        );
        let wrong = json!({"name": "Not A Name", "description": 7, "permissions": [1, "users:read"]});
        assert_eq!(
            faults(admin.post(ROLES, wrong).await, "validation_failed"),
            at(&[("/description", "wrong_type"), ("/name", "invalid_role_name"), ("/permissions/0", "wrong_type")])
        );
        let more = json!({"name": "x", "built_in": true, "version": 7});
        assert_eq!(
            faults(admin.post(ROLES, more).await, "unknown_field"),
            at(&[("/built_in", "unknown_field"), ("/version", "unknown_field")])
        );
        assert_eq!(faults(admin.post(ROLES, json!({})).await, "validation_failed"), at(&[("/name", "required")]));
        for (body, pointer, code) in [
            (json!({"name": "x", "description": "a".repeat(501)}), "/description", "too_long"),
            (json!({"name": "x", "description": "a\nb"}), "/description", "invalid_characters"),
            (json!({"name": "x", "permissions": vec!["users:read"; 201]}), "/permissions", "too_many"),
            (json!({"name": "x", "permissions": null}), "/permissions", "wrong_type"),
        ] {
            assert_eq!(faults(admin.post(ROLES, body).await, "validation_failed"), at(&[(pointer, code)]));
        }

        create(&admin, "auditor", &["audit:read"]).await.expect(201);
        for (body, code, pointer, fault) in [
            (json!({"permissions": ["users:fly"]}), "validation_failed", "/permissions/0", "unknown_permission"),
            (json!({"permissions": null}), "validation_failed", "/permissions", "wrong_type"),
            (json!({"name": "boss"}), "unknown_field", "/name", "unknown_field"),
            (json!({"built_in": true}), "unknown_field", "/built_in", "unknown_field"),
        ] {
            let refused = admin.patch(&path("auditor"), body).await;
            assert_eq!(faults(refused, code), at(&[(pointer, fault)]));
        }
        let seen = admin.get(&path("auditor")).await.expect(200).json();
        assert_eq!(seen, json!({"name": "auditor", "description": "", "built_in": false, "permissions": ["audit:read"]}));
        admin.get(&path("x")).await.refused(404, "not_found");
    }

    async fn a_name_that_is_taken_is_a_conflict(app: App) {
        let admin = app.admin().await;
        create(&admin, "auditor", &["audit:read"]).await.expect(201);
        for name in ["auditor", "admin", "user"] {
            let refused = create(&admin, name, &[]).await.refused(409, "conflict");
            assert_eq!(refused.json()["detail"], "A role of this name is there already");
        }
        assert_eq!(admin.get(&path("auditor")).await.json()["permissions"], json!(["audit:read"]));
    }

    async fn built_in_roles_are_neither_changed_nor_deleted(app: App) {
        let admin = app.admin().await;
        for name in ["admin", "user"] {
            let before = admin.get(&path(name)).await.expect(200).json();
            assert_eq!(before["built_in"], true);
            let refused = permit(&admin, name, &["users:read"]).await.refused(409, "conflict");
            assert_eq!(refused.json()["detail"], "A built-in role is neither changed nor deleted");
            admin.patch(&path(name), json!({"description": "mine"})).await.refused(409, "conflict");
            admin.delete(&path(name)).await.refused(409, "conflict");
            assert_eq!(admin.get(&path(name)).await.json(), before);
        }
    }

    async fn a_role_that_people_hold_is_not_deleted_and_it_is_said_how_many(app: App) {
        let (admin, ada, bob) = (app.admin().await, app.user().await, app.user().await);
        create(&admin, "auditor", &["audit:read"]).await.expect(201);
        for person in [&ada, &bob] {
            give(&admin, &person.id, json!(["user", "auditor"])).await.expect(200);
        }
        let detail = async |language: &str| {
            let refused = admin.delete(&path("auditor")).header("accept-language", language).await;
            refused.refused(409, "conflict").json()["detail"].as_str().unwrap().to_owned()
        };
        assert_eq!(detail("en").await, "2 accounts still have this role");
        assert_eq!(detail("zh").await, "仍有 2 个账户拥有此角色");
        // Suspended people hold it still; deleted ones do not stand in the way.
        app.suspend(&ada.id).await;
        admin.delete(&format!("/api/v1/users/{}", bob.id)).await.expect(204);
        assert_eq!(detail("en").await, "1 account still has this role");
        give(&admin, &ada.id, json!(["user"])).await.expect(200);
        admin.delete(&path("auditor")).await.expect(204);

        let restored = admin.post(&format!("/api/v1/users/{}/restore", bob.id), json!({})).await.expect(200);
        assert_eq!(restored.json()["roles"], json!(["user"]), "the role is gone");
        give(&admin, &ada.id, json!(["auditor"])).await.refused(422, "validation_failed");
    }

    async fn what_was_refused_leaves_a_deleted_account_its_roles(app: App) {
        let (admin, ada, bob) = (app.admin().await, app.user().await, app.user().await);
        create(&admin, "auditor", &["audit:read"]).await.expect(201);
        for person in [&ada, &bob] {
            give(&admin, &person.id, json!(["user", "auditor"])).await.expect(200);
        }
        admin.delete(&format!("/api/v1/users/{}", bob.id)).await.expect(204);
        admin.delete(&path("auditor")).await.refused(409, "conflict");
        let restored = admin.post(&format!("/api/v1/users/{}/restore", bob.id), json!({})).await.expect(200);
        assert_eq!(restored.json()["roles"], json!(["auditor", "user"]));
    }

    async fn what_can_be_no_role_is_not_found(app: App) {
        let admin = app.admin().await;
        for name in ["Admin", "1st", "a%00", "%20", "%C3%A4", "a:b", "nobody", &"a".repeat(65), "a%2Fb"] {
            for method in ["GET", "PATCH", "DELETE"] {
                admin.request(method, &path(name)).json(json!({})).await.refused(404, "not_found");
            }
        }
    }

    async fn each_act_is_in_the_audit_log_with_the_role_and_who_did_it(app: App) {
        let admin = app.admin().await;
        create(&admin, "auditor", &["audit:read"]).await.expect(201);
        permit(&admin, "auditor", &[]).await.expect(200);
        create(&admin, "auditor", &[]).await.expect(409);
        permit(&admin, "auditor", &["users:fly"]).await.expect(422);
        admin.patch(&path("auditor"), json!({})).header("if-match", "\"0\"").await.expect(412);
        admin.delete(&path("admin")).await.expect(409);
        admin.delete(&path("auditor")).await.expect(204);
        let mut events = Vec::new();
        for action in ["role_created", "role_updated", "role_deleted"] {
            let page = admin.get(&format!("/api/v1/audit-events?action={action}")).await.expect(200).json();
            events.extend(page["items"].as_array().unwrap().clone());
        }
        let shown: Vec<_> = events.iter().map(|e| (&e["action"], &e["role"], &e["actor_id"], &e["subject_id"])).collect();
        let (role, actor, nobody) = (json!("auditor"), json!(admin.id), json!(null));
        let actions = [json!("role_created"), json!("role_updated"), json!("role_deleted")];
        let expected: Vec<_> = actions.iter().map(|action| (action, &role, &actor, &nobody)).collect();
        assert_eq!(shown, expected);
    }
}
