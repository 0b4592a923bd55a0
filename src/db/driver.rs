//! The two databases.

use super::error::DbError;

/// Which of the two databases a URL or a pool speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    Sqlite,
    Postgres,
}

impl Driver {
    /// Reads the scheme: `sqlite:` or `postgres:`/`postgresql:`.
    pub fn of(url: &str) -> Result<Self, DbError> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(DbError::Failed(sqlx::Error::Configuration(
                "the URL must start with sqlite: or postgres:".into(),
            ))),
        }
    }

    /// As OpenTelemetry calls it (`db.system.name`).
    pub(super) fn system(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}
