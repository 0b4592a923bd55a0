//! What can go wrong on the way in, and which problem each is.

use axum::response::{IntoResponse, Response};

use crate::access::AccessError;
use crate::access::hasher::HashError;
use crate::access::issue::IssueError;
use crate::access::password::PasswordError;
use crate::base::keyring::NoKey;
use crate::db::DbError;
use crate::features::users::error::{UsersError, busy, wrong_password};
use crate::http::{Code, Fault, Problem};
use crate::mail::OutboxError;

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("registration is closed")]
    RegistrationClosed,
    #[error("the credentials are wrong")]
    InvalidCredentials,
    #[error("the address is not verified")]
    EmailNotVerified,
    #[error("the account is suspended")]
    AccountSuspended,
    #[error("the mailed token is not valid")]
    InvalidToken,
    #[error("neither a password nor a bearer token came with the mailed token")]
    PasswordRequired,
    #[error("the new address is that of the account")]
    SameAddress,
    #[error("there is no such session")]
    NoSuchSession,
    /// Whoever acts may not act any more.
    #[error(transparent)]
    Caller(#[from] AccessError),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        use AuthError as E;
        match error {
            E::RegistrationClosed => Self::new(Code::REGISTRATION_CLOSED),
            E::InvalidCredentials => Self::new(Code::INVALID_CREDENTIALS),
            E::EmailNotVerified => Self::new(Code::EMAIL_NOT_VERIFIED),
            E::AccountSuspended => Self::new(Code::ACCOUNT_SUSPENDED),
            E::InvalidToken => Self::new(Code::INVALID_OR_EXPIRED_TOKEN),
            E::PasswordRequired => {
                Self::new(Code::VALIDATION_FAILED).fault(Fault::new("/password", "required"))
            }
            E::SameAddress => {
                Self::new(Code::VALIDATION_FAILED).fault(Fault::new("/new_email", "same_email"))
            }
            E::NoSuchSession => Self::new(Code::NOT_FOUND),
            E::Caller(error) => error.into(),
            E::Users(error) => error.into(),
            E::Password(error) => wrong_password(error),
            E::Hash(error) => busy(error),
            E::Issue(error) => issue(error),
            E::Outbox(error) => error.into(),
            E::Database(error) => error.into(),
            E::NoKey(error) => Self::new(Code::INTERNAL_ERROR).caused_by(error),
        }
    }
}

fn issue(error: IssueError) -> Problem {
    match error {
        // The account changed between the check of the password and the token.
        IssueError::Over => Problem::new(Code::INVALID_CREDENTIALS),
        IssueError::InvalidRefreshToken => Problem::new(Code::INVALID_REFRESH_TOKEN),
        IssueError::RefreshTokenReused => Problem::new(Code::REFRESH_TOKEN_REUSED),
        IssueError::Database(error) => error.into(),
        IssueError::NoKey(_) | IssueError::Encoding(_) => Problem::new(Code::INTERNAL_ERROR).caused_by(error),
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
