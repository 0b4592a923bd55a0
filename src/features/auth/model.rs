//! What comes in and goes out when people sign in.

use deserr::{Deserr, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::email::Email;
use crate::base::language::Language;
use crate::base::secret::Password;
use crate::features::users::choice::Choice;
use crate::features::users::model::{DisplayName, Person, User};
use crate::http::extract::{Faults, Rule};

/// A person who wants an account.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields, validate = not_the_address -> PasswordIsAddress)]
pub struct Registration {
    pub email: Email,
    /// At least 8 characters (as configured) and not easily guessed; spaces and any script are welcome.
    #[schema(value_type = String, format = Password, max_length = 1024, example = "correct horse battery staple")]
    pub password: Password,
    #[deserr(default)]
    #[schema(value_type = Option<DisplayName>, example = "Ada Lovelace")]
    pub display_name: Option<DisplayName>,
    /// The language of mails to this person; that of the request if absent.
    #[deserr(default)]
    pub locale: Option<Language>,
}

impl Choice for Registration {
    const FIELD: &'static str = "password";
}

/// A rule across fields: one function, and which field it marks.
pub struct PasswordIsAddress;

fn not_the_address(new: Registration, _: ValuePointerRef<'_>) -> Result<Registration, PasswordIsAddress> {
    let same = new.password.expose().trim().eq_ignore_ascii_case(new.email.as_str());
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
    pub password: Password,
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
    pub password: Option<Password>,
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Resend {
    pub email: Email,
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct PasswordChange {
    #[schema(value_type = String, format = Password, max_length = 1024)]
    pub current_password: Password,
    #[schema(value_type = String, format = Password, max_length = 1024, example = "seven purple otters dance")]
    pub new_password: Password,
}

impl Choice for PasswordChange {
    const FIELD: &'static str = "new_password";
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Forgotten {
    pub email: Email,
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct PasswordReset {
    /// From the link in the mail, of a reset or of an invitation.
    pub token: String,
    #[schema(value_type = String, format = Password, max_length = 1024, example = "seven purple otters dance")]
    pub new_password: Password,
}

impl Choice for PasswordReset {
    const FIELD: &'static str = "new_password";
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct EmailChange {
    #[schema(value_type = String, format = Password, max_length = 1024)]
    pub password: Password,
    pub new_email: Email,
}

#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Cancellation {
    /// From the link in the notice to the old address.
    pub token: String,
}

/// What became of a registration.
pub enum Registered {
    /// The account is there and may be used.
    Active(Box<Person>),
    /// A mail is on its way; who asked learns nothing else.
    MailSent,
}

/// Proof that this device belongs to the owner of the account.
#[derive(Serialize, ToSchema)]
pub struct KnownDevice {
    /// Keep it on the device and send it with the next sign-in.
    pub device_token: String,
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
