//! Mass assignment: no body takes a field of a resource that it does not name.

use serde_json::Value;

use super::{all, value};
use crate::harness::{App, Client, behaviour};
use crate::openapi::document;

/// What an attacker would like to set, beside the properties of the resources.
const WISHES: [&str; 5] = ["is_admin", "user_id", "owner_id", "password_hash", "version"];

/// All that a request could have changed.
async fn state(admin: &Client, id: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for path in [
        "/api/v1/users?limit=100",
        "/api/v1/users?limit=100&status=deleted",
        "/api/v1/roles?limit=100",
        "/api/v1/audit-events?limit=100",
        "/api/v1/notes?limit=100",
        "/api/v1/auth/sessions",
        &format!("/api/v1/users/{id}/sessions"),
    ] {
        seen.push(admin.get(path).await.expect(200).text());
    }
    seen
}

behaviour! {
    async fn a_field_that_a_body_does_not_name_is_refused_and_changes_nothing(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        let document = document(&app).await;
        let resources = ["User", "Session", "Role", "Note"].map(|name| &document["components"]["schemas"][name]["properties"]);
        let mut fields: Vec<(&str, Value)> = WISHES.iter().map(|name| (*name, Value::from(true))).collect();
        for properties in resources {
            let properties = properties.as_object().expect("a resource with properties");
            fields.extend(properties.iter().map(|(name, schema)| (name.as_str(), value(name, schema))));
        }
        let (mut bodies, mut tried) = (0, 0);
        for operation in all(&app).await.iter().filter(|operation| operation.body.is_some()) {
            let before = state(&admin, &ada.id).await;
            let named = operation.body.as_ref().unwrap()["properties"].as_object().unwrap();
            let client = if operation.access == "public" { app.anonymous() } else { (*admin).clone() };
            for (name, wish) in fields.iter().filter(|(name, _)| !named.contains_key(*name)) {
                let what = format!("{} {} with {name}", operation.method, operation.path);
                let mut body = operation.least().unwrap();
                body.insert((*name).to_owned(), wish.clone());
                let request = client.request(&operation.method, &operation.filled(&ada.id));
                let refused = request.json(Value::Object(body)).await.refused(422, "unknown_field");
                assert_eq!(refused.faults(), [(format!("/{name}"), "unknown_field".to_owned())], "{what}");
                tried += 1;
            }
            assert_eq!(state(&admin, &ada.id).await, before, "{} {}", operation.method, operation.path);
            bodies += 1;
        }
        assert!(bodies >= 18 && tried > 300, "{bodies} bodies, {tried} fields");
    }
}
