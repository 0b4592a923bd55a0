//! What comes in and goes out when people sign in.

use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::sessions::SessionRow;
use crate::access::strength::MAX_LENGTH;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::SessionId;
use crate::base::language::{Arg, Language};
use crate::base::secret::Password;
use crate::features::users::model::{DisplayName, User};
use crate::http::extract::{Faults, Rule};

/// A person who wants an account.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = not_the_address -> PasswordIsAddress)]
pub struct Registration {
    pub email: Email,
    /// At least 8 characters (as configured) and not easily guessed; spaces and any script are welcome.
    #[schema(value_type = String, format = Password, max_length = 1024, example = "correct horse battery staple")]
    pub password: NewPassword,
    #[deserr(default)]
    #[schema(value_type = Option<DisplayName>, example = "Ada Lovelace")]
    pub display_name: Option<DisplayName>,
    /// The language of mails to this person; that of the request if absent.
    #[deserr(default)]
    pub locale: Option<Language>,
}

/// A password that is to become one: never over 1,024 code points.
#[derive(Clone, Deserr)]
#[deserr(try_from(String) = NewPassword::parse -> PasswordTooLong)]
pub struct NewPassword(pub Password);

/// A field rule: the type refuses what cannot be a value of it.
#[derive(Debug, Clone, Copy)]
pub struct PasswordTooLong;

impl NewPassword {
    fn parse(text: String) -> Result<Self, PasswordTooLong> {
        let password = Password::new(text);
        if password.code_points() > MAX_LENGTH { Err(PasswordTooLong) } else { Ok(Self(password)) }
    }
}

impl Rule for PasswordTooLong {
    fn code(&self) -> &'static str {
        "too_long"
    }

    fn args(&self) -> Vec<(&'static str, Arg)> {
        vec![("max", MAX_LENGTH.into())]
    }
}

/// A rule across fields: one function, and which field it marks.
pub struct PasswordIsAddress;

fn not_the_address(new: Registration, _: ValuePointerRef<'_>) -> Result<Registration, PasswordIsAddress> {
    let same = new.password.0.expose().trim().eq_ignore_ascii_case(new.email.as_str());
    if same { Err(PasswordIsAddress) } else { Ok(new) }
}

impl Rule for PasswordIsAddress {
    fn code(&self) -> &'static str {
        "password_is_address"
    }

    fn pointer(&self) -> Option<&str> {
        Some("/password")
    }
}

/// Who signs in.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Login {
    pub email: Email,
    #[schema(value_type = String, format = Password, max_length = 1024, example = "correct horse battery staple")]
    pub password: NewPassword,
    /// The `device_token` of an earlier sign-in on this device: wrong guesses by strangers then never
    /// keep its owner out.
    #[deserr(default)]
    pub device_token: Option<String>,
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Refresh {
    /// The `refresh_token` of the newest answer.
    #[schema(example = "rt_AZsPPG16fE6bUTpSx-GwqgAAAAAAAAAB")]
    pub refresh_token: String,
}

/// The token of a mail, and a proof that whoever has it owns the account.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Verification {
    /// From the link in the mail.
    pub token: String,
    /// The account's password; not needed with the account's own bearer token.
    #[deserr(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 1024)]
    pub password: Option<NewPassword>,
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Resend {
    pub email: Email,
}

/// An access token, and what gets the next one.
#[derive(Serialize, ToSchema)]
pub struct TokenPair {
    /// A JWT (RFC 9068), for `Authorization: Bearer`.
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 600)]
    pub expires_in: u64,
    /// Good for one refresh.
    pub refresh_token: String,
    /// Seconds until the refresh token expires if it is not used.
    #[schema(example = 2_592_000)]
    pub refresh_expires_in: u64,
    /// Keep it on the device and send it with the next sign-in.
    pub device_token: String,
    pub user: User,
}

/// A sign-in on one device.
#[derive(Serialize, ToSchema)]
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

#[derive(Serialize, ToSchema)]
pub struct Sessions {
    pub items: Vec<Session>,
}
