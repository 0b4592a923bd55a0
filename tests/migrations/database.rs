//! An empty database of either kind, and a connection to it that speaks text only.

use std::str::FromStr;

use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{
    AssertSqlSafe, ColumnIndex, ConnectOptions, Connection, Decode, PgConnection, Row, SqliteConnection, Type,
};
use stead::base::clock::Clock;
use stead::db::Driver;
use stead::db::migrate::{Label, Migration, Migrator};
use tempfile::TempDir;

use crate::postgres;

/// A database that lives as long as this.
pub struct Database {
    pub url: String,
    _held: Held,
}

#[expect(dead_code, reason = "held for their Drop")]
enum Held {
    Folder(TempDir),
    Postgres(postgres::Database),
}

/// An empty database, or `None` where there is no PostgreSQL.
pub async fn empty(driver: Driver) -> Option<Database> {
    match driver {
        Driver::Sqlite => {
            postgres::count("sqlite");
            let folder = TempDir::new().unwrap();
            let url = format!("sqlite://{}/stead.db", folder.path().display());
            Some(Database { url, _held: Held::Folder(folder) })
        }
        Driver::Postgres => {
            let database = postgres::fresh_database(async |_| Ok::<_, String>(())).await?;
            Some(Database { url: database.url().to_owned(), _held: Held::Postgres(database) })
        }
    }
}

impl Database {
    pub fn driver(&self) -> Driver {
        Driver::of(&self.url).unwrap()
    }

    /// Opens a connection with the given migrations.
    pub async fn migrator(&self, migrations: &[Migration]) -> Migrator {
        Migrator::connect_with(&self.url, Clock::system(), migrations.to_vec()).await.unwrap()
    }

    /// Applies the given migrations; returns how many were pending.
    pub async fn apply(&self, migrations: &[Migration]) -> usize {
        self.migrator(migrations).await.up(|_| ()).await.unwrap().applied
    }

    pub async fn connect(&self) -> Connected {
        match self.driver() {
            Driver::Sqlite => {
                let options = SqliteConnectOptions::from_str(&self.url).unwrap().create_if_missing(true);
                Connected::Sqlite(options.connect().await.unwrap())
            }
            Driver::Postgres => Connected::Postgres(PgConnection::connect(&self.url).await.unwrap()),
        }
    }
}

pub enum Connected {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connected {
    pub fn driver(&self) -> Driver {
        match self {
            Self::Sqlite(_) => Driver::Sqlite,
            Self::Postgres(_) => Driver::Postgres,
        }
    }

    pub async fn execute(&mut self, sql: &str) -> sqlx::Result<()> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(connection) => sql.execute(connection).await.map(drop),
            Self::Postgres(connection) => sql.execute(connection).await.map(drop),
        }
    }

    /// Rows of a query whose columns are all text; a missing value reads as "".
    pub async fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(connection) => {
                let rows = query.fetch_all(connection).await.unwrap();
                rows.iter().map(|row: &SqliteRow| cells(row)).collect()
            }
            Self::Postgres(connection) => {
                let rows = query.fetch_all(connection).await.unwrap();
                rows.iter().map(|row: &PgRow| cells(row)).collect()
            }
        }
    }

    /// The first column of a query.
    pub async fn column(&mut self, sql: &str) -> Vec<String> {
        self.rows(sql).await.into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// The versions of the applied migrations, each as often as it is noted.
    pub async fn applied(&mut self) -> Vec<String> {
        self.column("SELECT CAST(version AS text) FROM schema_migrations AS m ORDER BY m.version").await
    }
}

fn cells<R: Row>(row: &R) -> Vec<String>
where
    usize: ColumnIndex<R>,
    for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    let cell = |at| row.try_get::<Option<String>, _>(at).unwrap().unwrap_or_default();
    (0..row.len()).map(cell).collect()
}

/// A migration that a test makes up.
pub fn made_up(version: i64, name: &'static str, up: &'static str) -> Migration {
    Migration { version, name, label: Label::Expand, transactional: true, up, down: None }
}

/// Makes two tests of each function, `on_sqlite` and `on_postgres`, each with an empty database.
macro_rules! on_both {
    ($($(#[doc = $doc:literal])* async fn $name:ident($database:ident) $body:block)+) => {$(
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn holds($database: $crate::database::Database) $body

            #[tokio::test]
            async fn on_sqlite() {
                holds($crate::database::empty(stead::db::Driver::Sqlite).await.unwrap()).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                if let Some(database) = $crate::database::empty(stead::db::Driver::Postgres).await {
                    holds(database).await;
                }
            }
        }
    )+};
}
pub(crate) use on_both;
