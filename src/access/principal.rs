//! Who a session belongs to and what they may do, as the database has it now.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::origin::Origin;
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

/// Roles, and the permissions they carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    pub roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
}

impl Grants {
    /// These permissions, by no role.
    pub fn of_permissions(permissions: impl IntoIterator<Item = String>) -> Self {
        Self { roles: BTreeSet::new(), permissions: permissions.into_iter().collect() }
    }

    /// Whether `permission` is among them. The role `admin` holds all there are.
    pub fn may(&self, permission: &str) -> bool {
        self.roles.contains(ADMIN) || self.permissions.contains(permission)
    }

    /// Whether these hold all that `others` hold.
    pub fn cover(&self, others: &Self) -> bool {
        self.roles.contains(ADMIN)
            || (!others.roles.contains(ADMIN) && others.permissions.is_subset(&self.permissions))
    }
}

/// A signed-in person: an account through one of its sessions.
#[derive(Clone, Debug)]
pub struct Principal {
    pub user: UserId,
    pub session: SessionId,
    pub grants: Grants,
}

impl Principal {
    pub fn may(&self, permission: &str) -> bool {
        self.grants.may(permission)
    }
}

/// Who acts, and from where. At the terminal that is an operator, who may do anything.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    pub principal: Option<&'a Principal>,
    pub origin: &'a Origin,
}

impl Actor<'_> {
    /// Whoever runs commands at the terminal.
    pub const OPERATOR: Actor<'static> = Actor { principal: None, origin: &Origin::TERMINAL };

    pub fn id(&self) -> Option<UserId> {
        self.principal.map(|principal| principal.user)
    }

    /// Whether the actor holds all that `others` hold: nobody acts on someone who may do more, and
    /// nobody grants what they do not hold.
    pub fn covers(&self, others: &Grants) -> bool {
        self.principal.is_none_or(|principal| principal.grants.cover(others))
    }
}

/// One row per role and permission of the account.
#[derive(sqlx::FromRow)]
struct Row {
    user_id: UserId,
    idle_expires_at: Timestamp,
    expires_at: Timestamp,
    role: Option<String>,
    permission: Option<String>,
}

/// The principal of a session that has not ended or expired and whose account is active, and until
/// when the session lasts.
pub async fn load(
    db: &mut Session,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<(Principal, Timestamp)>, DbError> {
    let rows: Vec<Row> = db
        .query(
            "SELECT s.user_id, s.idle_expires_at, s.expires_at, r.role, p.permission
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
    let Some(first) = rows.first() else { return Ok(None) };
    let (user, expires_at) = (first.user_id, first.idle_expires_at.min(first.expires_at));
    let grants = collect(rows.into_iter().map(|row| (row.role, row.permission)));
    Ok(Some((Principal { user, session, grants }, expires_at)))
}

/// What an account is granted now.
pub async fn grants_of_user(db: &mut Session, user: UserId) -> Result<Grants, DbError> {
    let rows: Vec<(Option<String>, Option<String>)> = db
        .query(
            "SELECT r.role, p.permission FROM user_roles r LEFT JOIN role_permissions p ON p.role = r.role
             WHERE r.user_id = $1",
        )
        .bind(user)
        .fetch_all()
        .await?;
    Ok(collect(rows))
}

/// What these roles grant; a role that does not exist is not among the roles of the answer.
pub async fn grants_of_roles(db: &mut Session, roles: &BTreeSet<String>) -> Result<Grants, DbError> {
    let mut query = db.query(
        "SELECT r.name, p.permission FROM roles r LEFT JOIN role_permissions p ON p.role = r.name
         WHERE r.name IN (NULL",
    );
    for role in roles {
        query = query.push(", $?").bind(role);
    }
    let rows: Vec<(Option<String>, Option<String>)> = query.push(")").fetch_all().await?;
    Ok(collect(rows))
}

fn collect(rows: impl IntoIterator<Item = (Option<String>, Option<String>)>) -> Grants {
    let mut grants = Grants::default();
    for (role, permission) in rows {
        grants.roles.extend(role);
        grants.permissions.extend(permission);
    }
    grants
}
