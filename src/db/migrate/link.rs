//! The connection that migrations run over, and what has to be there first: a folder, a database.

use std::fs::File;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::MigrateDatabase;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Postgres, SqliteConnection};

use super::error::MigrateError;
use crate::db::reach::Unreachable;
use crate::db::{DbError, Driver, sqlite};

pub(super) enum Link {
    Sqlite(SqliteConnection),
    /// With the options to open a second one, for what cannot run in a transaction.
    Postgres(PgConnection, Box<PgConnectOptions>),
}

impl Link {
    /// On SQLite with a file lock, to be held as long.
    pub(super) async fn open(url: &str) -> Result<(Self, Option<File>), MigrateError> {
        match Driver::of(url)? {
            Driver::Sqlite => {
                // A table is changed by building it anew; with this on, dropping the old one would
                // delete the rows that point at it. The runner checks them instead.
                let options = sqlite::connect_options(url)?.foreign_keys(false);
                let lock = sqlite::claim(&options).await?;
                Ok((Self::Sqlite(options.connect().await?), Some(lock)))
            }
            Driver::Postgres => {
                let options = Box::new(PgConnectOptions::from_str(url)?);
                let connection = options.connect().await.map_err(|error| out_of_reach(&options, error))?;
                Ok((Self::Postgres(connection, options), None))
            }
        }
    }
}

/// Creates the PostgreSQL database of `url` if it is absent; says whether it did.
pub(super) async fn create_database(url: &str) -> Result<bool, MigrateError> {
    if Driver::of(url)? == Driver::Sqlite {
        return Ok(false);
    }
    let options = PgConnectOptions::from_str(url)?;
    if Postgres::database_exists(url).await.map_err(|error| out_of_reach(&options, error))? {
        return Ok(false);
    }
    let mut attempts = 0..50;
    loop {
        match Postgres::create_database(url).await {
            Ok(()) => return Ok(true),
            // Somebody else was quicker by a moment ...
            Err(_) if Postgres::database_exists(url).await? => return Ok(false),
            // ... or is still copying the template, which only one may do at a time.
            Err(error) if has_code(&error, "55006") && attempts.next().is_some() => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn has_code(error: &sqlx::Error, wanted: &str) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == wanted)
}

fn out_of_reach(options: &PgConnectOptions, error: sqlx::Error) -> DbError {
    DbError::Unreachable(Unreachable::new(options, error))
}
