//! Roles and permissions.

mod authority;
mod effect;
mod lists;
mod races;
mod shape;

use serde_json::{Value, json};

use crate::harness::{Client, Reply};

pub const ROLES: &str = "/api/v1/roles";

/// The path of a role.
pub fn path(name: &str) -> String {
    format!("{ROLES}/{name}")
}

pub async fn create(client: &Client, name: &str, permissions: &[&str]) -> Reply {
    client.post(ROLES, json!({"name": name, "permissions": permissions})).await
}

/// Changes what a role permits.
pub async fn permit(client: &Client, name: &str, permissions: &[&str]) -> Reply {
    client.patch(&path(name), json!({"permissions": permissions})).await
}

pub async fn give(client: &Client, id: &str, roles: Value) -> Reply {
    client.request("PUT", &format!("/api/v1/users/{id}/roles")).json(json!({"roles": roles})).await
}
