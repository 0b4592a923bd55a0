//! Who a session belongs to and what they may do, as the database has it now.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::permission::ADMIN;
use crate::base::clock::Timestamp;
use crate::base::id::{SessionId, UserId};
use crate::db::{DbError, Session};

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Status {
    /// Registered, and waiting for the address to be verified or the invitation to be accepted.
    Pending,
    Active,
    Suspended,
    Deleted,
}

/// A signed-in person: an account through one of its sessions.
#[derive(Clone, Debug)]
pub struct Principal {
    pub user: UserId,
    pub session: SessionId,
    pub roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
}

impl Principal {
    /// Whether the roles grant `permission`. The role `admin` holds all there are.
    pub fn may(&self, permission: &str) -> bool {
        self.roles.contains(ADMIN) || self.permissions.contains(permission)
    }
}

/// One row per role and permission of the account.
#[derive(sqlx::FromRow)]
struct Row {
    user_id: UserId,
    role: Option<String>,
    permission: Option<String>,
}

/// The principal of a session that has not ended or expired and whose account is active.
pub async fn load(
    db: &mut Session,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<Principal>, DbError> {
    let rows: Vec<Row> = db
        .query(
            "SELECT s.user_id, r.role, p.permission
             FROM sessions s
             JOIN users u ON u.id = s.user_id
             LEFT JOIN user_roles r ON r.user_id = u.id
             LEFT JOIN role_permissions p ON p.role = r.role
             WHERE s.id = $1 AND s.expires_at > $2 AND s.idle_expires_at > $2
                AND u.status = $3 AND u.deleted_at IS NULL",
        )
        .bind(session)
        .bind(now)
        .bind(Status::Active)
        .fetch_all()
        .await?;
    let Some(user) = rows.first().map(|row| row.user_id) else { return Ok(None) };
    let mut principal = Principal { user, session, roles: BTreeSet::new(), permissions: BTreeSet::new() };
    for row in rows {
        principal.roles.extend(row.role);
        principal.permissions.extend(row.permission);
    }
    Ok(Some(principal))
}
