//! From a line to a person who may have an account, or all that is wrong with the line.

use std::collections::BTreeSet;

use super::Fault;
use super::row::Row;
use crate::access::phc;
use crate::access::principal::Status;
use crate::base::email::Email;
use crate::base::language::Language;
use crate::base::secret::Password;
use crate::features::users::model::{DisplayName, PasswordHash};
use crate::features::users::search;

/// A person to be, checked but for what takes a hash thread or the database to say.
pub struct Newcomer {
    pub line: u64,
    pub email: Email,
    pub display_name: Option<String>,
    pub locale: Option<Language>,
    pub roles: BTreeSet<String>,
    pub status: Status,
    pub email_verified: bool,
    pub key: Key,
    /// By which the person is found.
    pub terms: BTreeSet<String>,
    /// Whether a good line before this one has the address: as far as its fingerprint says.
    pub repeated: bool,
}

impl Newcomer {
    /// Whether there is a password that is to be hashed.
    pub fn has_password(&self) -> bool {
        matches!(self.key, Key::Password(_))
    }
}

/// By what somebody signs in.
pub enum Key {
    Hash(PasswordHash),
    Password(Password),
    /// They are invited, or reset a password that they never had.
    None,
}

/// Gathers what is wrong with one line.
struct Inspector<'a> {
    line: u64,
    faults: &'a mut Vec<Fault>,
}

impl Inspector<'_> {
    fn fault(&mut self, column: &'static str, code: &'static str, message: impl Into<String>) {
        self.faults.push(Fault::new(self.line, column, code, message));
    }

    fn parse<T>(
        &mut self,
        column: &'static str,
        code: &'static str,
        text: Option<String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = parse(text?.trim());
        parsed.map_err(|message| self.fault(column, code, message)).ok()
    }
}

/// The person of a line; what is wrong with it is added to `faults`.
pub fn newcomer(
    line: u64,
    row: Row,
    known_roles: &BTreeSet<String>,
    faults: &mut Vec<Fault>,
) -> Option<Newcomer> {
    let before = faults.len();
    let mut at = Inspector { line, faults };
    if row.email.is_none() {
        at.fault("email", "required", "the address is missing");
    }
    let email = at.parse("email", "invalid_email", row.email, |text| {
        text.parse::<Email>().map_err(|error| error.to_string())
    });
    let display_name = at.parse("display_name", "invalid_value", row.display_name, |text| {
        DisplayName::parse(text).map(DisplayName::into_string).map_err(|error| error.to_string())
    });
    let locale = at.parse("locale", "invalid_value", row.locale, |text| {
        text.parse::<Language>().map_err(|_| "it is en or zh".to_owned())
    });
    let status = at.parse("status", "invalid_value", row.status, status);
    let roles: BTreeSet<String> = row.roles.into_iter().flatten().collect();
    if !roles.is_subset(known_roles) {
        at.fault("roles", "unknown_role", "there is no such role; `stead role list` names those there are");
    }
    let key = key(row.password_hash, row.password, &mut at);
    if faults.len() > before {
        return None;
    }
    let (email, key) = (email?, key?);
    let status = status.unwrap_or(if matches!(key, Key::None) { Status::Pending } else { Status::Active });
    // Whoever imports an account that may be used vouches for its address, unless the line says otherwise.
    let email_verified = row.email_verified.unwrap_or(status != Status::Pending);
    let terms = search::terms(&email, display_name.as_deref());
    Some(Newcomer {
        line,
        email,
        display_name,
        locale,
        roles,
        status,
        email_verified,
        key,
        terms,
        repeated: false,
    })
}

fn status(text: &str) -> Result<Status, String> {
    match text {
        "pending" => Ok(Status::Pending),
        "active" => Ok(Status::Active),
        "suspended" => Ok(Status::Suspended),
        _ => Err("it is pending, active or suspended".into()),
    }
}

fn key(hash: Option<String>, password: Option<String>, at: &mut Inspector<'_>) -> Option<Key> {
    match (hash, password.map(Password::new)) {
        (None, None) => Some(Key::None),
        (Some(_), Some(_)) => {
            at.fault("password", "invalid_value", "there is a password hash beside it");
            None
        }
        (Some(hash), None) => match phc::check(&hash) {
            Ok(()) => Some(Key::Hash(PasswordHash(hash))),
            Err(unfit) => {
                at.fault("password_hash", "invalid_hash", unfit.to_string());
                None
            }
        },
        (None, Some(password)) if password.code_points() > Password::MAX_LENGTH => {
            at.fault("password", "too_long", format!("has more than {} characters", Password::MAX_LENGTH));
            None
        }
        (None, Some(password)) => Some(Key::Password(password)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str =
        "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn check(row: Row) -> Result<Newcomer, Vec<Fault>> {
        let mut faults = Vec::new();
        let roles = ["user", "admin"].map(str::to_owned).into();
        newcomer(7, row, &roles, &mut faults).ok_or(faults)
    }

    fn row(email: &str) -> Row {
        Row { email: Some(email.into()), ..Row::default() }
    }

    #[test]
    fn an_account_is_active_if_it_can_be_signed_in_to_and_the_line_has_the_last_word() {
        let somebody = |hash: Option<&str>, status: Option<&str>, email_verified| {
            let hash = hash.map(str::to_owned);
            let row = Row {
                password_hash: hash,
                status: status.map(str::to_owned),
                email_verified,
                ..row("Ada@Example.com ")
            };
            check(row).map(|made| (made.status, made.email_verified)).unwrap()
        };
        assert_eq!(somebody(Some(HASH), None, None), (Status::Active, true));
        assert_eq!(somebody(None, None, None), (Status::Pending, false));
        assert_eq!(somebody(None, Some("active"), None), (Status::Active, true));
        assert_eq!(somebody(Some(HASH), Some("pending"), None), (Status::Pending, false));
        assert_eq!(somebody(Some(HASH), Some("suspended"), Some(false)), (Status::Suspended, false));
    }

    #[test]
    fn all_that_is_wrong_with_a_line_is_said() {
        let row = Row {
            email: Some("nobody".into()),
            display_name: Some("a\0b".into()),
            locale: Some("fr".into()),
            roles: Some(vec!["user".into(), "boss".into()]),
            status: Some("deleted".into()),
            password_hash: Some("$2b$12$abc".into()),
            ..Row::default()
        };
        let faults = check(row).err().unwrap();
        let told: Vec<_> =
            faults.iter().map(|fault| (fault.line, fault.column.unwrap(), fault.code)).collect();
        assert_eq!(
            told,
            [
                (7, "email", "invalid_email"),
                (7, "display_name", "invalid_value"),
                (7, "locale", "invalid_value"),
                (7, "status", "invalid_value"),
                (7, "roles", "unknown_role"),
                (7, "password_hash", "invalid_hash")
            ]
        );
        assert_eq!(check(Row::default()).err().unwrap()[0].code, "required");
        let both =
            Row { password: Some("x".into()), password_hash: Some(HASH.into()), ..self::row("a@b.co") };
        assert_eq!(check(both).err().unwrap()[0].column, Some("password"));
        let long = Row { password: Some("x".repeat(1025)), ..self::row("a@b.co") };
        assert_eq!(check(long).err().unwrap()[0].code, "too_long");
    }
}
