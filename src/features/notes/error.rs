//! What can go wrong with notes, and which problem each is.

use axum::response::{IntoResponse, Response};

use crate::base::keyring::NoKey;
use crate::db::DbError;
use crate::http::idempotency::OnceError;
use crate::http::{Code, Problem};

#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// Or it is somebody else's, which is nobody's business.
    #[error("there is no such note")]
    NotFound,
    #[error("the notes of others take a permission")]
    Forbidden,
    /// HTTP says it already: another version than `If-Match` names, a cursor that is not ours.
    #[error("the request is refused")]
    Refused(Problem),
    #[error(transparent)]
    Once(#[from] OnceError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
}

impl From<NotesError> for Problem {
    fn from(error: NotesError) -> Self {
        use NotesError as E;
        match error {
            E::NotFound => Self::new(Code::NOT_FOUND),
            E::Forbidden => Self::new(Code::FORBIDDEN),
            E::Refused(problem) => problem,
            E::Once(error) => error.into(),
            E::Database(error) => error.into(),
            E::NoKey(error) => Self::new(Code::INTERNAL_ERROR).caused_by(error),
        }
    }
}

impl IntoResponse for NotesError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
