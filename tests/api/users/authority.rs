//! Who may act on whom: permissions, those who may do more, and the last admin.

use serde_json::{Value, json};
use stead::access::principal::Status;

use crate::harness::{App, Client, PASSWORD, Person, Reply, behaviour};

const USERS: &str = "/api/v1/users";
const ME: &str = "/api/v1/users/me";
const NEW: &str = "new@example.com";

/// Every operation on the accounts of others, and the permission that it takes.
const OPERATIONS: [(&str, &str, &str); 12] = [
    ("GET", "", "users:read"),
    ("POST", "", "users:write"),
    ("GET", "/{id}", "users:read"),
    ("PATCH", "/{id}", "users:write"),
    ("DELETE", "/{id}", "users:delete"),
    ("POST", "/{id}/suspend", "users:write"),
    ("POST", "/{id}/activate", "users:write"),
    ("POST", "/{id}/restore", "users:write"),
    ("PUT", "/{id}/roles", "roles:assign"),
    ("GET", "/{id}/sessions", "users:write"),
    ("DELETE", "/{id}/sessions", "users:write"),
    ("GET", "/{id}/../../audit-events", "audit:read"),
];

async fn call(client: &Client, method: &str, rest: &str, id: &str) -> Reply {
    let path = match rest.split_once("/../..") {
        Some((_, other)) => format!("/api/v1{other}"),
        None => format!("{USERS}{}", rest.replace("{id}", id)),
    };
    let body = match (method, rest) {
        ("POST", "") => json!({"email": NEW}),
        ("PUT", _) => json!({"roles": ["user"]}),
        ("PATCH", _) => json!({"display_name": "Eve"}),
        _ => json!({}),
    };
    client.request(method, &path).json(body).await
}

async fn put_roles(client: &Client, id: &str, roles: Value) -> Reply {
    client.request("PUT", &format!("{USERS}/{id}/roles")).json(json!({"roles": roles})).await
}

async fn seen(app: &App, id: &str) -> Value {
    let person = app.users().get(id.parse().unwrap()).await.unwrap();
    serde_json::to_value(stead::features::users::model::User::from(person)).unwrap()
}

behaviour! {
    async fn every_operation_takes_its_permission_and_no_other(app: App) {
        let ada = app.user().await;
        let user = app.user().await;
        let before = seen(&app, &ada.id).await;
        let all = ["users:read", "users:write", "users:delete", "roles:assign", "audit:read"];
        for (method, rest, needed) in OPERATIONS {
            let anonymous =
                call(&app.anonymous(), method, rest, &ada.id).await.refused(401, "unauthenticated");
            assert_eq!(anonymous.header("www-authenticate"), Some("Bearer"), "{method} {rest}");
            call(&app.anonymous().with_token("x"), method, rest, &ada.id).await.refused(401, "invalid_token");
            let others: Vec<_> = all.into_iter().filter(|one| *one != needed).collect();
            for client in [&user, &app.holder(&others).await] {
                let refused = call(client, method, rest, &ada.id).await.refused(403, "forbidden");
                let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
                assert_eq!(refused.header("www-authenticate"), Some(challenge.as_str()), "{method} {rest}");
            }
        }
        assert_eq!(seen(&app, &ada.id).await, before);
        ada.get(ME).await.expect(200);
        assert!(app.users().find_by_email(&NEW.parse().unwrap()).await.is_err(), "nobody was made");
        for (method, rest, needed) in OPERATIONS {
            let subject = app.user().await;
            let holder = app.holder(&[needed]).await;
            let done = call(&holder, method, rest, &subject.id).await;
            assert!(done.status.is_success(), "{method} {rest}: {}", done.text());
        }
    }

    async fn somebody_elses_operation_is_no_way_to_act_on_oneself_without_permission(app: App) {
        let ada = app.user().await;
        for (method, rest, _) in OPERATIONS {
            call(&ada, method, rest, &ada.id).await.refused(403, "forbidden");
        }
    }

    async fn nobody_acts_on_somebody_who_may_do_more(app: App) {
        let (admin, second) = (app.admin().await, app.admin().await);
        let clerk = app.holder(&["users:write", "users:delete", "roles:assign"]).await;
        let auditor = app.holder(&["audit:read", "users:write"]).await;
        for above in [&admin, &auditor] {
            let before = seen(&app, &above.id).await;
            for (method, rest, needed) in OPERATIONS {
                if rest.contains("{id}") && !needed.ends_with(":read") && rest != "/{id}/restore" {
                    call(&clerk, method, rest, &above.id).await.refused(403, "forbidden");
                }
            }
            assert_eq!(seen(&app, &above.id).await, before);
            above.get(ME).await.expect(200);
        }
        second.delete(&format!("{USERS}/{}", admin.id)).await.expect(204);
        call(&clerk, "POST", "/{id}/restore", &admin.id).await.refused(403, "forbidden");
        second.post(&format!("{USERS}/{}/restore", admin.id), json!({})).await.expect(200);
        // Among equals, and on oneself, they may.
        let equal = app.holder(&["users:write", "users:delete", "roles:assign"]).await;
        call(&clerk, "PATCH", "/{id}", &equal.id).await.expect(200);
        call(&clerk, "PATCH", "/{id}", &clerk.id).await.expect(200);
    }

    async fn nobody_grants_what_they_do_not_hold(app: App) {
        let (ada, clerk) = (app.user().await, app.holder(&["users:write", "roles:assign"]).await);
        let auditor = app.holder(&["audit:read"]).await;
        for roles in [json!(["admin"]), json!(["audit_read"]), json!(["user", "audit_read"])] {
            put_roles(&clerk, &ada.id, roles.clone()).await.refused(403, "forbidden");
            put_roles(&clerk, &clerk.id, roles.clone()).await.refused(403, "forbidden");
            let new = json!({"email": NEW, "password": PASSWORD, "roles": roles});
            clerk.post(USERS, new).await.refused(403, "forbidden");
        }
        assert_eq!(seen(&app, &ada.id).await["roles"], json!(["user"]));
        put_roles(&clerk, &auditor.id, json!([])).await.refused(403, "forbidden");
        auditor.get("/api/v1/audit-events").await.expect(200);

        put_roles(&clerk, &ada.id, json!(["user", "users_write-roles_assign"])).await.expect(200);
        clerk.post(USERS, json!({"email": NEW, "roles": ["users_write-roles_assign"]})).await.expect(201);
    }

    async fn roles_of_a_new_account_take_the_permission_to_assign_them(app: App) {
        let clerk = app.holder(&["users:write"]).await;
        for roles in [json!([]), json!(["user"]), json!(["users_write"]), json!(["admin"]), json!(["boss"])] {
            clerk.post(USERS, json!({"email": NEW, "roles": roles})).await.refused(403, "forbidden");
        }
        let made = clerk.post(USERS, json!({"email": NEW})).await.expect(201).json();
        assert_eq!(made["roles"], json!(["user"]));
        put_roles(&clerk, made["id"].as_str().unwrap(), json!(["users_write"]))
            .await
            .refused(403, "forbidden");
    }

    async fn what_can_be_no_role_is_refused_before_the_database_sees_it(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let long = "a".repeat(65);
        for name in ["", "\0", "a\0", "Admin", "ad min", "1st", "-a", "a:b", "ä", "a\n", "';--", &long] {
            let refused = put_roles(&admin, &ada.id, json!(["user", name])).await;
            let refused = refused.refused(422, "validation_failed");
            assert_eq!(refused.faults(), [("/roles/1".into(), "invalid_role_name".into())], "{name:?}");
            let new = json!({"email": NEW, "roles": [name, 7]});
            let refused = admin.post(USERS, new).await.refused(422, "validation_failed");
            let faults = [("/roles/0", "invalid_role_name"), ("/roles/1", "wrong_type")];
            assert_eq!(refused.faults(), faults.map(|(at, code)| (at.into(), code.into())), "{name:?}");
        }
        for query in ["role=%00", "role=", "role=a%0A", "role=%FF"] {
            admin.get(&format!("{USERS}?{query}")).await.refused(400, "invalid_query");
        }
        let many: Vec<String> = (0..5000).map(|n| format!("role{n}")).collect();
        for roles in [&many[..51], &many] {
            let refused = put_roles(&admin, &ada.id, json!(roles)).await.refused(422, "validation_failed");
            assert_eq!(refused.faults(), [("/roles".into(), "too_many".into())]);
        }
        let most = [&["user".to_owned()], &many[..49]].concat();
        let refused = put_roles(&admin, &ada.id, json!(most)).await.refused(422, "validation_failed");
        assert_eq!(refused.faults(), [("/roles".into(), "unknown_role".into())], "there are no such roles");
        assert_eq!(seen(&app, &ada.id).await["roles"], json!(["user"]));
    }

    async fn the_last_active_admin_is_neither_suspended_nor_deleted_nor_demoted(app: App) {
        let (admin, other) = (app.admin().await, app.admin().await);
        app.suspend(&other.id).await;
        let before = seen(&app, &admin.id).await;
        for (method, rest) in [("POST", "/{id}/suspend"), ("DELETE", "/{id}"), ("PUT", "/{id}/roles")] {
            call(&admin, method, rest, &admin.id).await.refused(409, "last_admin");
            assert_eq!(seen(&app, &admin.id).await, before, "{method} {rest}");
            admin.get(ME).await.expect(200);
        }
        put_roles(&admin, &admin.id, json!(["admin"])).await.expect(200);
        app.activate(&other.id).await;
        put_roles(&admin, &admin.id, json!(["user"])).await.expect(200);
        admin.get(USERS).await.refused(403, "forbidden");
    }

    async fn of_two_admins_who_take_each_other_out_at_once_one_stays(app: App) {
        let keeper = app.admin().await;
        for (method, rest) in [("PUT", "/{id}/roles"), ("POST", "/{id}/suspend"), ("DELETE", "/{id}")] {
            for _ in 0..4 {
                let (one, two): (Person, Person) = (app.admin().await, app.admin().await);
                app.suspend(&keeper.id).await;
                let (first, second) =
                    tokio::join!(call(&one, method, rest, &two.id), call(&two, method, rest, &one.id));
                let left = app.users().admins(Status::Active).await.unwrap();
                assert_eq!(left, 1, "{method} {rest}: {} and {}", first.text(), second.text());
                let lost = [first, second].into_iter().find(|reply| !reply.status.is_success()).unwrap();
                assert!(matches!(lost.status.as_u16(), 401 | 403 | 409), "{}", lost.text());
                app.activate(&keeper.id).await;
                for admin in [&one, &two] {
                    let _ =
                        app.users().delete(admin.id.parse().unwrap(), &Default::default(), OPERATOR).await;
                }
            }
        }
    }
}

const OPERATOR: stead::access::principal::Actor<'static> = stead::access::principal::Actor::OPERATOR;
