//! What mailed links are for, and how long they are good.

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// How long a change of address can be undone.
pub const WAY_BACK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a mailed token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Purpose {
    VerifyEmail,
    ChangeEmail,
    ResetPassword,
    Invitation,
}

impl Purpose {
    pub const ALL: [Self; 4] = [Self::VerifyEmail, Self::ChangeEmail, Self::ResetPassword, Self::Invitation];

    pub fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ChangeEmail => "change_email",
            Self::ResetPassword => "reset_password",
            Self::Invitation => "invitation",
        }
    }

    /// How long a token is good for: whoever forgot a password is at the mailbox now.
    pub fn life(self) -> Duration {
        match self {
            Self::ResetPassword => HOUR / 2,
            Self::VerifyEmail | Self::ChangeEmail | Self::Invitation => 24 * HOUR,
        }
    }
}
