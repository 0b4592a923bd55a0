//! Nobody grants what they do not hold, by the roles that they make or change.

use axum::extract::FromRef;
use serde_json::{Value, json};
use stead::access::origin::Origin;
use stead::access::principal::Actor;
use stead::features::roles::error::RolesError;
use stead::features::roles::service::{Changes, NewRole, Roles};
use stead::http::etag::IfMatch;
use stead::http::{Code, Problem};

use super::{ROLES, create, give, path, permit};
use crate::harness::{App, Client, behaviour};

async fn seen(client: &Client, name: &str) -> Value {
    client.get(&path(name)).await.expect(200).json()
}

behaviour! {
    async fn a_role_permits_nothing_that_its_maker_may_not(app: App) {
        let (admin, clerk) = (app.admin().await, app.holder(&["roles:read", "roles:write", "users:read"]).await);
        for permissions in [&["users:write"][..], &["users:read", "audit:read"], &["roles:assign"]] {
            create(&clerk, "boss", permissions).await.refused(403, "forbidden");
        }
        admin.get(&path("boss")).await.refused(404, "not_found");
        create(&clerk, "reader", &["users:read", "roles:write"]).await.expect(201);
        for permissions in [&["users:write"][..], &["users:read", "audit:read"]] {
            permit(&clerk, "reader", permissions).await.refused(403, "forbidden");
        }
        assert_eq!(seen(&admin, "reader").await["permissions"], json!(["roles:write", "users:read"]));
        permit(&clerk, "reader", &["roles:read"]).await.expect(200);
        clerk.delete(&path("reader")).await.expect(204);
    }

    async fn nobody_changes_or_deletes_a_role_that_permits_what_they_may_not(app: App) {
        let (admin, clerk) = (app.admin().await, app.holder(&["roles:read", "roles:write"]).await);
        create(&admin, "auditor", &["audit:read", "roles:read"]).await.expect(201);
        let before = seen(&admin, "auditor").await;
        for body in [json!({"description": "x"}), json!({"permissions": []}), json!({"permissions": ["roles:read"]}), json!({})] {
            clerk.patch(&path("auditor"), body).await.refused(403, "forbidden");
        }
        clerk.delete(&path("auditor")).await.refused(403, "forbidden");
        assert_eq!(seen(&clerk, "auditor").await, before);
        // What no feature declares any more can be held by nobody but those who may do all.
        let mut tx = app.state.db.write().await.unwrap();
        tx.query("INSERT INTO roles (name, description, built_in) VALUES ('old', '', false)").execute().await.unwrap();
        tx.query("INSERT INTO role_permissions (role, permission) VALUES ('old', 'gone:read')").execute().await.unwrap();
        tx.commit().await.unwrap();
        clerk.delete(&path("old")).await.refused(403, "forbidden");
        permit(&admin, "old", &["gone:read"]).await.refused(422, "validation_failed");
        permit(&admin, "old", &[]).await.expect(200);
        clerk.delete(&path("old")).await.expect(204);
    }

    async fn nobody_widens_a_role_of_their_own(app: App) {
        let clerk = app.holder(&["roles:read", "roles:write", "roles:assign"]).await;
        let own = "roles_read-roles_write-roles_assign";
        permit(&clerk, own, &["roles:read", "roles:write", "roles:assign", "users:write"]).await.refused(403, "forbidden");
        create(&clerk, "boss", &["roles:write"]).await.expect(201);
        permit(&clerk, "boss", &["users:delete"]).await.refused(403, "forbidden");
        give(&clerk, &clerk.id, json!(["boss", "admin"])).await.refused(403, "forbidden");
        clerk.get("/api/v1/users").await.refused(403, "forbidden");
    }

    async fn who_lost_a_permission_while_their_request_was_under_way_gives_it_to_no_role(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        create(&admin, "clerk", &["roles:write", "users:read"]).await.expect(201);
        create(&admin, "reader", &[]).await.expect(201);
        give(&admin, &ada.id, json!(["clerk"])).await.expect(200);
        let principal = app.state.access.authenticate(&ada.access_token).await.unwrap();
        let actor = Actor { principal: Some(&principal), origin: &Origin::TERMINAL };
        permit(&admin, "clerk", &["roles:write"]).await.expect(200);

        let roles = Roles::from_ref(&app.state);
        let new = NewRole {
            name: "boss".into(),
            description: String::new(),
            permissions: vec!["users:read".into()],
        };
        let changes =
            || Changes { permissions: Some(vec!["users:read".into()]), ..Changes::default() };
        let (any, forbidden) = (IfMatch::default(), Code::FORBIDDEN);
        let code = |error: RolesError| Problem::from(error).code();
        assert_eq!(code(roles.create(new, actor).await.unwrap_err()), forbidden);
        assert_eq!(code(roles.update("reader", changes(), &any, actor).await.unwrap_err()), forbidden);
        assert_eq!(code(roles.delete("reader", &any, actor).await.unwrap_err()), forbidden);
        admin.get(&path("boss")).await.refused(404, "not_found");
        assert_eq!(seen(&admin, "reader").await["permissions"], json!([]));
    }

    async fn reading_takes_one_permission_and_writing_the_other(app: App) {
        let (reader, writer) = (app.holder(&["roles:read"]).await, app.holder(&["roles:write"]).await);
        let (user, admin) = (app.user().await, app.admin().await);
        create(&admin, "empty", &[]).await.expect(201);
        for at in [ROLES, &path("empty"), "/api/v1/permissions"] {
            app.anonymous().get(at).await.refused(401, "unauthenticated");
            user.get(at).await.refused(403, "forbidden");
            writer.get(at).await.refused(403, "forbidden");
            reader.get(at).await.expect(200);
        }
        for client in [&reader, &user] {
            create(client, "x", &[]).await.refused(403, "forbidden");
            permit(client, "empty", &[]).await.refused(403, "forbidden");
            client.delete(&path("empty")).await.refused(403, "forbidden");
        }
        create(&writer, "x", &[]).await.expect(201);
        permit(&writer, "empty", &["roles:write"]).await.expect(200);
        writer.delete(&path("empty")).await.expect(204);
    }
}
