//! A role, as its tables have it and as the API shows it.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::http::etag::Tag;
use crate::http::extract::{AtMost, Rule, Text};
use crate::http::feature::Declared;
use crate::text_fields;

/// What a role is for: one line of at most 500 characters, or nothing.
pub type Description = Text<0, 500>;

/// The permissions of a body.
pub type PermissionNames = AtMost<String, 200>;

/// The name of a role: 1 to 64 of `a-z`, `0-9`, `_` and `-`, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_-]{0,63}$", example = "user")]
pub struct RoleName(String);

#[derive(Debug, thiserror::Error)]
#[error("the name of a role is 1 to 64 of a-z, 0-9, _ and -, a letter first")]
pub struct InvalidRoleName;

impl RoleName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for RoleName {
    type Err = InvalidRoleName;

    fn from_str(text: &str) -> Result<Self, InvalidRoleName> {
        let is_sound = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-".contains(&c);
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        match begins && text.len() <= 64 && text.bytes().all(is_sound) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidRoleName),
        }
    }
}

impl TryFrom<String> for RoleName {
    type Error = InvalidRoleName;

    fn try_from(text: String) -> Result<Self, InvalidRoleName> {
        text.parse()
    }
}

impl Rule for InvalidRoleName {
    fn code(&self) -> &'static str {
        "invalid_role_name"
    }
}

text_fields!(RoleName);

/// A row of `roles`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Definition {
    pub name: String,
    pub description: String,
    pub built_in: bool,
    /// Raised by one with every change; what `If-Match` compares.
    pub version: i64,
}

/// A role with what it permits.
#[derive(Clone, Debug)]
pub struct Held {
    pub definition: Definition,
    pub permissions: BTreeSet<String>,
}

impl Held {
    /// Made of the version and the permissions: those of `admin` change with the program, not the version.
    pub fn tag(&self) -> Tag {
        let mut digest = Sha256::new();
        self.permissions.iter().for_each(|name| digest.update(format!("{name}\n")));
        let digest: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Tag::new(self.definition.version, digest)
    }
}

/// A named set of permissions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Role {
    #[schema(value_type = super::model::RoleName, example = "auditor")]
    pub name: String,
    /// What it is for; perhaps empty.
    #[schema(example = "Reads the audit log")]
    pub description: String,
    /// Built-in roles are neither changed nor deleted.
    pub built_in: bool,
    /// `admin` holds every permission there is.
    #[schema(example = json!(["audit:read"]))]
    pub permissions: BTreeSet<String>,
}

impl From<Held> for Role {
    fn from(Held { definition, permissions }: Held) -> Self {
        let Definition { name, description, built_in, version: _ } = definition;
        Self { name, description, built_in, permissions }
    }
}

/// One thing that a role can permit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Permission {
    /// `subject:verb`.
    #[schema(example = "users:read")]
    pub name: &'static str,
    #[schema(example = "See every account")]
    pub description: &'static str,
}

impl From<Declared> for Permission {
    fn from(Declared { name, description }: Declared) -> Self {
        Self { name, description }
    }
}
