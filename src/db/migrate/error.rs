//! Why a schema stays where it is.

use crate::db::DbError;

/// Why the schema could not be brought where it was asked to be.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("migration {version:04}_{name} failed: {source}")]
    Step { version: i64, name: String, source: DbError },
    #[error("{0}")]
    Refused(String),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
