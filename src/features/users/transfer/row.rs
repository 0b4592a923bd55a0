//! One person as a line has them, whatever the format.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The columns there are. The last four are those of an export that a new account has of its own.
pub const COLUMNS: [&str; 12] = [
    "email",
    "display_name",
    "locale",
    "roles",
    "status",
    "email_verified",
    "password_hash",
    "password",
    "id",
    "created_at",
    "updated_at",
    "last_login_at",
];

/// Between the roles of a cell.
pub const BETWEEN_ROLES: char = ';';

/// The column of that name.
pub fn column(name: &str) -> Option<&'static str> {
    COLUMNS.into_iter().find(|column| *column == name)
}

/// Says that there is none, fit for a terminal.
pub fn no_column(name: &str) -> String {
    let start: String = name.chars().take(40).collect();
    format!("there is no column {start:?}")
}

/// A person to be. What is absent is `None`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub email: Option<String>,
    pub display_name: Option<String>,
    pub locale: Option<String>,
    pub roles: Option<Vec<String>>,
    pub status: Option<String>,
    pub email_verified: Option<bool>,
    pub password_hash: Option<String>,
    pub password: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) id: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) created_at: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) updated_at: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) last_login_at: IgnoredAny,
}

impl Row {
    /// Somebody with a password hash, and without roles of their own.
    pub fn of(
        email: String,
        display_name: String,
        locale: Option<String>,
        status: String,
        hash: String,
    ) -> Self {
        Self {
            email: Some(email),
            display_name: Some(display_name),
            locale,
            status: Some(status),
            password_hash: Some(hash),
            ..Self::default()
        }
    }

    /// Sets what a cell says; what a new account has of its own is passed over.
    pub fn put(&mut self, column: &str, text: &str) -> Result<(), &'static str> {
        let field = match column {
            "email" => &mut self.email,
            "display_name" => &mut self.display_name,
            "locale" => &mut self.locale,
            "status" => &mut self.status,
            "password_hash" => &mut self.password_hash,
            "password" => &mut self.password,
            "roles" => {
                let names = text.split(BETWEEN_ROLES).map(str::trim).filter(|name| !name.is_empty());
                self.roles = Some(names.map(str::to_owned).collect());
                return Ok(());
            }
            "email_verified" => {
                self.email_verified = Some(bool::from_str(text).map_err(|_| "it is true or false")?);
                return Ok(());
            }
            _ => return Ok(()),
        };
        *field = Some(text.to_owned());
        Ok(())
    }
}
