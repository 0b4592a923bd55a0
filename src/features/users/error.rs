//! What can go wrong with accounts, and which problem each is.

use axum::response::{IntoResponse, Response};

use crate::access::AccessError;
use crate::access::hasher::HashError;
use crate::access::password::{PasswordError, QUEUE_RETRY};
use crate::access::strength::Weakness;
use crate::access::throttle::{GUESSES, Limits};
use crate::base::keyring::NoKey;
use crate::base::language::Arg;
use crate::base::secret::Password;
use crate::db::DbError;
use crate::http::extract::Rule;
use crate::http::idempotency::OnceError;
use crate::http::{Code, Fault, Problem, limit};
use crate::mail::OutboxError;

#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    #[error("there is no such account")]
    NotFound,
    #[error("the address has an account")]
    EmailTaken,
    #[error("there is no role `{0}`; `admin` and `user` are built in, `stead role list` names all")]
    NoSuchRole(String),
    /// The account may do something that the caller may not, or the roles would grant it.
    #[error("that takes permissions that the caller does not hold")]
    Beyond,
    #[error("the last active admin must stay")]
    LastAdmin,
    #[error("the new password is too weak")]
    WeakPassword { pointer: &'static str, weakness: Weakness },
    /// HTTP says it already: another version than `If-Match` names, a cursor that is not ours.
    #[error("the request is refused")]
    Refused(Problem),
    /// Whoever acts may not act any more.
    #[error(transparent)]
    Caller(#[from] AccessError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Once(#[from] OnceError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
}

impl From<UsersError> for Problem {
    fn from(error: UsersError) -> Self {
        use UsersError as E;
        match error {
            E::NotFound => Self::new(Code::NOT_FOUND),
            E::EmailTaken => Self::new(Code::EMAIL_TAKEN),
            E::NoSuchRole(_) => {
                Self::new(Code::VALIDATION_FAILED).fault(Fault::new("/roles", "unknown_role"))
            }
            E::Beyond => Self::new(Code::FORBIDDEN),
            E::LastAdmin => Self::new(Code::LAST_ADMIN),
            E::WeakPassword { pointer, weakness } => weak(pointer, weakness),
            E::Refused(problem) => problem,
            E::Caller(error) => error.into(),
            E::Password(error) => wrong_password(error),
            E::Hash(error) => busy(error),
            E::Database(error) => error.into(),
            E::Outbox(error) => error.into(),
            E::Once(error) => error.into(),
            E::NoKey(error) => Self::new(Code::INTERNAL_ERROR).caused_by(error),
        }
    }
}

impl IntoResponse for UsersError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// A password that may not become one, at `pointer`.
fn weak(pointer: &str, weakness: Weakness) -> Problem {
    let fault = Fault { pointer: pointer.to_owned(), code: weakness.code(), args: weakness.args() };
    Problem::new(Code::WEAK_PASSWORD).fault(fault)
}

impl Rule for Weakness {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong => "too_long",
            Self::Guessable => "weak_password",
        }
    }

    fn args(&self) -> Vec<(&'static str, Arg)> {
        match *self {
            Self::TooShort { min } => vec![("min", min.into())],
            Self::TooLong => vec![("max", Password::MAX_LENGTH.into())],
            Self::Guessable => Vec::new(),
        }
    }
}

/// A password that was not accepted, whoever asked.
pub fn wrong_password(error: PasswordError) -> Problem {
    match error {
        PasswordError::Wrong => Problem::new(Code::INVALID_CREDENTIALS),
        PasswordError::WrongCurrent => {
            Problem::new(Code::INVALID_CREDENTIALS).detail_id("error-wrong-current-password")
        }
        PasswordError::TooManyAttempts { retry_after } => {
            let Limits { units, window, .. } = GUESSES;
            limit::spent(Problem::new(Code::TOO_MANY_ATTEMPTS), "account", units, window, retry_after)
        }
        PasswordError::Busy(error) => busy(error),
        PasswordError::Database(error) => error.into(),
        PasswordError::NoKey(error) => Problem::new(Code::INTERNAL_ERROR).caused_by(error),
    }
}

/// The hash queue is full, or a thread of it is lost.
pub fn busy(error: HashError) -> Problem {
    match error {
        HashError::QueueFull => Problem::new(Code::OVERLOADED).retry_after(QUEUE_RETRY).caused_by(error),
        HashError::Lost => Problem::new(Code::INTERNAL_ERROR).caused_by(error),
    }
}
