//! Every operation of the document against everyone who may call: deny by default, whatever is added.
//!
//! Nothing here names an operation: a new one is tested as soon as the document has it.

mod assignment;
mod objects;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::harness::{App, Client, PASSWORD, Reply, behaviour};
use crate::openapi::{access, document, operations};

/// An operation, and what is needed to call it.
pub struct Operation {
    pub method: String,
    pub path: String,
    /// `public`, `caller`, or the permission that it takes.
    pub access: String,
    /// The schema of its JSON body.
    pub body: Option<Value>,
}

impl Operation {
    pub fn takes_permission(&self) -> bool {
        self.access.contains(':')
    }

    /// The path, with `id` for an account's id and something that is there for everything else.
    pub fn filled(&self, id: &str) -> String {
        let parts = self.path.split('/').map(|part| match part {
            "{id}" => id,
            "{name}" => "user",
            "{code}" => "not_found",
            parameter if parameter.starts_with('{') => panic!("{}: what is {parameter}?", self.path),
            part => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// A sound body with no more than it must have.
    pub fn least(&self) -> Option<Map<String, Value>> {
        let schema = self.body.as_ref()?;
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let names = required.iter().filter_map(Value::as_str);
        Some(names.map(|name| (name.to_owned(), value(name, &schema["properties"][name]))).collect())
    }

    pub async fn call(&self, client: &Client, id: &str) -> Reply {
        let request = client.request(&self.method, &self.filled(id));
        match self.least() {
            Some(body) => request.json(Value::Object(body)).await,
            None => request.await,
        }
    }
}

/// Something that a field of this name takes.
pub fn value(name: &str, schema: &Value) -> Value {
    match name {
        "email" | "new_email" => json!("somebody.new@example.com"),
        "password" | "current_password" => json!(PASSWORD),
        "new_password" => json!("seven purple otters dance"),
        "roles" => json!(["user"]),
        "name" => json!("newcomers"),
        _ if !schema["example"].is_null() => schema["example"].clone(),
        _ => json!("x"),
    }
}

/// Every operation of the document.
pub async fn all(app: &App) -> Vec<Operation> {
    let document = document(app).await;
    let operation = |(method, path, operation): (String, String, &Map<String, Value>)| {
        let schema = operation.get("requestBody").map(|body| {
            let schema = &body["content"]["application/json"]["schema"];
            let reference = schema["$ref"].as_str().unwrap_or_else(|| panic!("{method} {path}: {schema}"));
            document.pointer(reference.trim_start_matches('#')).unwrap().clone()
        });
        Operation { method: method.to_uppercase(), access: access(operation), body: schema, path }
    };
    operations(&document).into_iter().map(operation).collect()
}

/// The names of all permissions.
async fn permissions(client: &Client) -> BTreeSet<String> {
    let page = client.get("/api/v1/permissions?limit=100").await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// Claims that the caller was let in.
#[track_caller]
fn let_in(reply: &Reply, what: &str) {
    assert!(![401, 403].contains(&reply.status.as_u16()), "{what}: {}", reply.text());
}

behaviour! {
    async fn nobody_without_a_token_is_let_in_where_a_caller_is_needed(app: App) {
        let (ada, operations) = (app.user().await, all(&app).await);
        assert!(operations.len() > 40, "{}", operations.len());
        for operation in operations {
            let what = format!("{} {}: {}", operation.method, operation.path, operation.access);
            let nobody = operation.call(&app.anonymous(), &ada.id).await;
            let forged = operation.call(&app.anonymous().with_token("forged"), &ada.id).await;
            if operation.access == "public" {
                let code = if nobody.status.is_success() { json!(null) } else { nobody.json()["code"].clone() };
                assert!(code != "unauthenticated" && code != "forbidden", "{what}: {}", nobody.text());
            } else {
                nobody.refused(401, "unauthenticated");
                forged.refused(401, "invalid_token");
            }
        }
        ada.get("/api/v1/users/me").await.expect(200);
    }

    async fn a_plain_user_is_let_in_where_no_permission_is_needed_and_nowhere_else(app: App) {
        let ada = app.user().await;
        for operation in all(&app).await.iter().filter(|operation| operation.access != "public") {
            let what = format!("{} {}: {}", operation.method, operation.path, operation.access);
            // Some end the session or the account of whoever calls.
            let user = app.user().await;
            let reply = operation.call(&user, &ada.id).await;
            if operation.takes_permission() {
                let refused = reply.refused(403, "forbidden");
                let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", operation.access);
                assert_eq!(refused.header("www-authenticate"), Some(challenge.as_str()), "{what}");
            } else {
                let_in(&reply, &what);
            }
        }
        ada.get("/api/v1/users/me").await.expect(200);
    }

    async fn an_admin_is_let_in_everywhere(app: App) {
        for operation in all(&app).await.iter().filter(|operation| operation.access != "public") {
            let (admin, ada) = (app.admin().await, app.user().await);
            let reply = operation.call(&admin, &ada.id).await;
            let_in(&reply, &format!("{} {}: {}", operation.method, operation.path, operation.access));
        }
    }

    async fn who_holds_exactly_the_permission_is_let_in_and_who_holds_all_others_is_not(app: App) {
        let admin = app.admin().await;
        let every = permissions(&admin).await;
        let mut needed = BTreeSet::new();
        for operation in all(&app).await.iter().filter(|operation| operation.takes_permission()) {
            let what = format!("{} {}: {}", operation.method, operation.path, operation.access);
            assert!(every.contains(&operation.access), "{what} is no permission that a role can hold");
            let ada = app.user().await;
            let others: Vec<_> = every.iter().map(String::as_str).filter(|one| *one != operation.access).collect();
            let other = app.holder(&others).await;
            operation.call(&other, &ada.id).await.refused(403, "forbidden");
            ada.get("/api/v1/users/me").await.expect(200);
            let holder = app.holder(&[&operation.access]).await;
            let_in(&operation.call(&holder, &ada.id).await, &what);
            needed.insert(operation.access.clone());
        }
        assert!(needed.len() >= 7, "{needed:?}");
    }
}

#[test]
#[should_panic(expected = "declares no access")]
fn an_operation_without_a_declared_access_fails_all_of_this() {
    access(json!({"operationId": "open_door", "responses": {}}).as_object().unwrap());
}
