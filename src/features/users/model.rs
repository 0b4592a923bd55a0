//! An account, as the table has it and as the API shows it.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::access::principal::Status;
use crate::access::sessions::SessionRow;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::{SessionId, UserId};
use crate::base::language::Language;
use crate::db::record::Base;
use crate::features::roles::model::RoleName;
use crate::http::etag::Tag;
use crate::http::extract::{AtMost, Text};
use crate::record;

/// The name that others see: one line of 1 to 100 characters.
pub type DisplayName = Text<1, 100>;

/// The roles of a body.
pub type RoleNames = AtMost<RoleName, 50>;

/// A row of `users`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Account {
    #[sqlx(flatten)]
    pub base: Base<UserId>,
    pub email: Email,
    pub email_verified: bool,
    /// Absent until an invited person sets one.
    pub password_hash: Option<PasswordHash>,
    pub display_name: Option<String>,
    pub locale: Option<Language>,
    /// Stays as it is when the account is deleted, for whoever restores it.
    pub status: Status,
    pub last_login_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
}

record!(
    Account,
    UserId,
    "users",
    [email, email_verified, password_hash, display_name, locale, status, last_login_at, deleted_at]
);

impl Account {
    /// Whether somebody was invited and has not chosen a password yet.
    pub fn is_invited(&self) -> bool {
        self.status == Status::Pending && self.password_hash.is_none()
    }

    /// Whether the account may be used now.
    pub fn current_status(&self) -> Status {
        if self.deleted_at.is_some() { Status::Deleted } else { self.status }
    }
}

/// An Argon2id hash in PHC form. It cannot be printed.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([REDACTED])")
    }
}

/// An account with its roles.
#[derive(Clone, Debug)]
pub struct Person {
    pub account: Account,
    pub roles: BTreeSet<String>,
}

impl Person {
    /// Made of the version and the last sign-in; a sign-in does not raise the version.
    pub fn tag(&self) -> Tag {
        let last_login = self.account.last_login_at.map(|at| at.micros().to_string());
        Tag::new(self.account.base.version, last_login.unwrap_or_default())
    }
}

/// A person's account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    /// Whether the person has shown that the address is theirs.
    pub email_verified: bool,
    #[schema(required = true, example = "Ada Lovelace")]
    pub display_name: Option<String>,
    /// The language of mails to this person.
    #[schema(required = true)]
    pub locale: Option<Language>,
    pub status: Status,
    #[schema(example = json!(["user"]))]
    pub roles: BTreeSet<String>,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub updated_at: Timestamp,
    #[schema(value_type = Option<String>, required = true, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub last_login_at: Option<Timestamp>,
}

impl From<Person> for User {
    fn from(Person { account, roles }: Person) -> Self {
        let status = account.current_status();
        Self {
            id: account.base.id,
            email: account.email,
            email_verified: account.email_verified,
            display_name: account.display_name,
            locale: account.locale,
            status,
            roles,
            created_at: account.base.created_at,
            updated_at: account.base.updated_at,
            last_login_at: account.last_login_at,
        }
    }
}

/// A sign-in on one device.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Session {
    pub id: SessionId,
    /// Whether this is the session of the request.
    pub current: bool,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub created_at: Timestamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub last_used_at: Timestamp,
    #[schema(required = true, example = "192.0.2.7")]
    pub ip: Option<String>,
    #[schema(required = true, example = "curl/8.5.0")]
    pub user_agent: Option<String>,
}

impl Session {
    pub fn new(row: SessionRow, current: SessionId) -> Self {
        Self {
            id: row.id,
            current: row.id == current,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            ip: row.ip,
            user_agent: row.user_agent,
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Sessions {
    pub items: Vec<Session>,
}

impl Sessions {
    pub fn new(rows: Vec<SessionRow>, current: SessionId) -> Self {
        Self { items: rows.into_iter().map(|row| Session::new(row, current)).collect() }
    }
}
