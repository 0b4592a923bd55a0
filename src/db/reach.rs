//! A PostgreSQL that cannot be reached, in words that say why, and what to do.

use std::fmt;
use std::io;

use sqlx::postgres::PgConnectOptions;

/// There is no connection to PostgreSQL: where it was looked for, why not, and what to do.
#[derive(Debug, thiserror::Error)]
pub struct Unreachable {
    place: String,
    source: sqlx::Error,
}

impl Unreachable {
    pub(super) fn new(options: &PgConnectOptions, source: sqlx::Error) -> Self {
        let place = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        Self { place, source }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, cause, advice) = (&self.place, said(&self.source), advice(&self.source));
        write!(f, "the database is not available: PostgreSQL at {place}: {cause}; {advice}")
    }
}

/// The words of whoever refused, without those around them.
pub(super) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn advice(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "start PostgreSQL there, or mend host and port in the database's URL"
        }
        sqlx::Error::Io(_) => "look at host and port in the database's URL, and at the network between",
        sqlx::Error::Tls(_) => "look at `sslmode` in the database's URL, and at the certificate there",
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("28P01" | "28000") => {
                "look at user and password in the database's URL, and at pg_hba.conf there"
            }
            Some("3D000") => {
                "make it with `stead migrate up --create-database`, or mend its name in the database's URL"
            }
            Some("53300") => "close connections of others, or raise `max_connections` there",
            Some("57P03") => "try again once it has started",
            _ => "look into the log of PostgreSQL",
        },
        _ => "look whether it is PostgreSQL that listens there, and into its log",
    }
}
