//! The SQL of roles and of what they permit.

use std::collections::{BTreeSet, HashMap};

use super::model::Definition;
use crate::db::{Change, DbError, Session, Tx};

const ROLE: &str = "SELECT name, description, built_in, version FROM roles";

pub async fn find(db: &mut Session, name: &str) -> Result<Option<Definition>, DbError> {
    db.query(ROLE).push(" WHERE name = $?").bind(name).fetch_optional().await
}

/// The roles whose names come after `after`, by name, `limit` at most.
pub async fn list(db: &mut Session, after: Option<&str>, limit: i64) -> Result<Vec<Definition>, DbError> {
    let query = db.query(ROLE).push(" WHERE name > $?").bind(after.unwrap_or_default());
    query.push(" ORDER BY name LIMIT $?").bind(limit).fetch_all().await
}

pub async fn count(db: &mut Session) -> Result<i64, DbError> {
    let (count,): (i64,) = db.query("SELECT count(*) FROM roles").fetch_one().await?;
    Ok(count)
}

/// What each of `roles` permits.
pub async fn permissions_of(
    db: &mut Session,
    roles: impl Iterator<Item = &str>,
) -> Result<HashMap<String, BTreeSet<String>>, DbError> {
    let mut query = db.query("SELECT role, permission FROM role_permissions WHERE role IN (NULL");
    for role in roles {
        query = query.push(", $?").bind(role);
    }
    let rows: Vec<(String, String)> = query.push(")").fetch_all().await?;
    let mut permissions: HashMap<_, BTreeSet<_>> = HashMap::new();
    for (role, permission) in rows {
        permissions.entry(role).or_default().insert(permission);
    }
    Ok(permissions)
}

/// Makes everyone who changes or deletes this role wait for each other.
pub async fn lock(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    tx.query("UPDATE roles SET version = version WHERE name = $1").bind(name).execute().await.map(drop)
}

/// Inserts a role that permits nothing yet; [`DbError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, role: &Definition) -> Result<(), DbError> {
    tx.query("INSERT INTO roles (name, description, built_in, version) VALUES ($1, $2, $3, $4)")
        .bind(&role.name)
        .bind(&role.description)
        .bind(role.built_in)
        .bind(role.version)
        .execute()
        .await
        .map(drop)
}

/// Writes what was changed of a role since it was locked, and raises its version.
pub async fn save(tx: &mut Tx, role: &mut Definition) -> Result<(), DbError> {
    tx.query("UPDATE roles SET description = $1, version = version + 1 WHERE name = $2")
        .bind(&role.description)
        .bind(&role.name)
        .execute()
        .await?;
    role.version += 1;
    Ok(())
}

/// Lets a role permit exactly this, to everyone who holds it.
pub async fn replace_permissions(
    tx: &mut Tx,
    role: &str,
    permissions: &BTreeSet<String>,
) -> Result<(), DbError> {
    tx.announce(Change::Everything);
    tx.query("DELETE FROM role_permissions WHERE role = $1").bind(role).execute().await?;
    for permission in permissions {
        tx.query("INSERT INTO role_permissions (role, permission) VALUES ($1, $2)")
            .bind(role)
            .bind(permission)
            .execute()
            .await?;
    }
    Ok(())
}

/// How many accounts hold a role.
pub async fn holders(db: &mut Session, role: &str) -> Result<i64, DbError> {
    let (count,): (i64,) =
        db.query("SELECT count(*) FROM user_roles WHERE role = $1").bind(role).fetch_one().await?;
    Ok(count)
}

/// Takes a role from deleted accounts: nobody could do that one by one, and whoever is restored later
/// does without it.
pub async fn take_from_deleted(tx: &mut Tx, role: &str) -> Result<(), DbError> {
    tx.query(
        "DELETE FROM user_roles WHERE role = $1
            AND user_id IN (SELECT id FROM users WHERE deleted_at IS NOT NULL)",
    )
    .bind(role)
    .execute()
    .await
    .map(drop)
}

/// Deletes a role that nobody holds; [`DbError::Dangling`] if somebody was just given it.
pub async fn delete(tx: &mut Tx, name: &str) -> Result<(), DbError> {
    tx.announce(Change::Everything);
    tx.query("DELETE FROM roles WHERE name = $1").bind(name).execute().await.map(drop)
}
