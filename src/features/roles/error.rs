//! What can go wrong with roles, and which problem each is.

use axum::response::{IntoResponse, Response};

use crate::access::AccessError;
use crate::base::keyring::NoKey;
use crate::db::DbError;
use crate::http::idempotency::OnceError;
use crate::http::{Code, Fault, Problem};

#[derive(Debug, thiserror::Error)]
pub enum RolesError {
    #[error("there is no such role; `stead role list` names those there are")]
    NotFound,
    #[error("a role of this name is there already")]
    Taken,
    #[error("a built-in role is neither changed nor deleted")]
    BuiltIn,
    /// By how many accounts.
    #[error("the role is held by {0} of the accounts; take it from them first")]
    StillHeld(i64),
    /// The role permits something that the caller may not, or it would.
    #[error("that takes permissions that the caller does not hold")]
    Beyond,
    /// Which of the permissions, by their places.
    #[error("there is no permission {}; `stead role permissions` names those there are", names(.0))]
    Unknown(Vec<(usize, String)>),
    /// HTTP says it already: another version than `If-Match` names, a cursor that is not ours.
    #[error("the request is refused")]
    Refused(Problem),
    #[error(transparent)]
    Once(#[from] OnceError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
}

fn names(unknown: &[(usize, String)]) -> String {
    unknown.iter().map(|(_, name)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl From<RolesError> for Problem {
    fn from(error: RolesError) -> Self {
        use RolesError as E;
        let conflict = |detail| Self::new(Code::CONFLICT).detail_id(detail);
        match error {
            E::NotFound => Self::new(Code::NOT_FOUND),
            E::Taken => conflict("error-role-taken"),
            E::BuiltIn => conflict("error-role-built-in"),
            E::StillHeld(holders) => conflict("error-role-held").with("holders", holders.unsigned_abs()),
            E::Beyond => Self::new(Code::FORBIDDEN),
            E::Unknown(permissions) => {
                let fault = |(place, _)| Fault::new(format!("/permissions/{place}"), "unknown_permission");
                permissions.into_iter().map(fault).fold(Self::new(Code::VALIDATION_FAILED), Self::fault)
            }
            E::Refused(problem) => problem,
            E::Once(error) => error.into(),
            E::Access(error) => error.into(),
            E::Database(error) => error.into(),
            E::NoKey(error) => Self::new(Code::INTERNAL_ERROR).caused_by(error),
        }
    }
}

impl IntoResponse for RolesError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
