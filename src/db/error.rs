//! What can go wrong between us and the database.

use sqlx::error::ErrorKind;

use super::reach::{Unreachable, said};

/// A failed database call, sorted by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection to be had, a broken one, or a time-out: the same call may work in a moment.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The first connection was not to be had.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// A unique rule was broken. Statements break one such rule at most, so the caller knows which.
    #[error("a row with this value exists")]
    Duplicate(#[source] sqlx::Error),
    /// A reference would lead nowhere: what it names is gone, or others still name what was to go.
    #[error("a row that is referred to is not there")]
    Dangling(#[source] sqlx::Error),
    /// The row was changed or deleted since it was read.
    #[error("the row has changed since it was read")]
    Stale,
    /// A mistake of ours, or data that we cannot read.
    #[error("the database call failed: {0}")]
    Failed(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::Database(e) if e.kind() == ErrorKind::UniqueViolation => Self::Duplicate(error),
            E::Database(e) if e.kind() == ErrorKind::ForeignKeyViolation => Self::Dangling(error),
            E::Database(e) if e.code().is_some_and(|code| is_passing(&code)) => Self::Unavailable(error),
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed => {
                Self::Unavailable(error)
            }
            _ => Self::Failed(error),
        }
    }
}

impl DbError {
    /// The words of the database or of the network, without ours.
    pub fn cause(&self) -> String {
        match self {
            Self::Unavailable(error) | Self::Failed(error) => said(error),
            error => error.to_string(),
        }
    }

    /// Whether the transaction was given up for the sake of others, which the same transaction may not be the
    /// next time: it could not be put in order with them, or each waited for the other (PostgreSQL).
    pub fn is_given_up(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(e)) = self else { return false };
        e.code().is_some_and(|code| code == "40001" || code == "40P01")
    }

    /// Whether another transaction held for too long what the statement waited for (PostgreSQL).
    pub fn is_lock_timeout(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(e)) = self else { return false };
        e.code().is_some_and(|code| code == "55P03")
    }

    /// Whether somebody else holds the file (SQLite).
    pub(super) fn is_busy(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(e)) = self else { return false };
        e.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }

    /// Whether the statement named a table that is not there.
    pub(super) fn is_absent_table(&self) -> bool {
        let Self::Failed(sqlx::Error::Database(e)) = self else { return false };
        e.code().is_some_and(|code| code == "42P01") || e.message().starts_with("no such table")
    }

    /// Whether the connection itself is gone, so that another one may serve.
    pub(super) fn is_disconnect(&self) -> bool {
        let Self::Unavailable(error) = self else { return false };
        match error {
            sqlx::Error::Database(e) => e
                .code()
                .is_some_and(|code| ["57P", "08", "25P03"].iter().any(|class| code.starts_with(class))),
            error => !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed),
        }
    }
}

/// PostgreSQL: connection, resources, operator intervention (time-outs too), what was given up for others
/// (serialisation, deadlocks), a transaction that nobody went on with, a server that only reads while another
/// takes over.
/// SQLite: busy, locked, I/O error, full, cannot open (primary result codes, low byte).
fn is_passing(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(sqlite) if code.len() < 5 => matches!(sqlite & 0xff, 5 | 6 | 10 | 13 | 14),
        _ => ["08", "53", "57", "58", "40", "55P03", "25P03", "25006"]
            .iter()
            .any(|class| code.starts_with(class)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn time_outs_and_lost_servers_pass_and_mistakes_do_not() {
        for code in [
            "57014", "57P01", "08006", "53300", "40001", "40P01", "55P03", "25P03", "25006", "5", "261",
            "13", "1546",
        ] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["25001", "25P02", "42601", "23505", "22001", "1", "1555", "19"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
