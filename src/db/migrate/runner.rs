//! Applies and undoes migrations over one connection of its own.

use std::fs::File;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::error::MigrateError;
use super::file::{Migration, embedded};
use super::link::{self, Link};
use super::plan::{APPLIED, Applied, Plan, State};
use crate::base::clock::Clock;
use crate::db::{DbError, Driver, time};

/// Runs `$call` on whichever connection there is.
macro_rules! on_link {
    ($link:expr, $connection:ident => $call:expr) => {
        match $link {
            Link::Sqlite($connection) => $call,
            Link::Postgres($connection, _) => $call,
        }
    };
}

/// Brings a schema up or down.
pub struct Migrator {
    link: Link,
    migrations: Vec<Migration>,
    clock: Clock,
    /// SQLite only.
    _lock: Option<File>,
}

/// By whom pending migrations were applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// By this process.
    pub applied: usize,
    /// By others that started at the same time and were quicker: this process waited for them.
    pub by_others: usize,
}

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version bigint NOT NULL PRIMARY KEY,
    name text NOT NULL,
    label text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL
)";

/// Whoever comes second waits here, a minute at most; the migration itself waits less for its tables,
/// because everybody else waits behind it.
const LOCK: &str = "BEGIN;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL lock_timeout = '60s';
    LOCK TABLE schema_migrations IN EXCLUSIVE MODE;
    SET LOCAL lock_timeout = '10s'";

impl Migrator {
    /// Connects to `url` with the embedded migrations; an absent SQLite file is made.
    pub async fn connect(url: &str, clock: Clock) -> Result<Self, MigrateError> {
        Self::connect_with(url, clock, embedded(Driver::of(url)?)).await
    }

    /// Connects to `url` with the given migrations.
    pub async fn connect_with(
        url: &str,
        clock: Clock,
        migrations: Vec<Migration>,
    ) -> Result<Self, MigrateError> {
        let (mut link, lock) = Link::open(url).await?;
        match &mut link {
            Link::Sqlite(_) => clock.follow_machine(),
            Link::Postgres(connection, _) => time::ask_over(&clock, connection).await?,
        }
        let mut migrator = Self { link, migrations, clock, _lock: lock };
        migrator.create_table().await?;
        Ok(migrator)
    }

    /// Creates the PostgreSQL database of `url` if it is absent; says whether it did.
    pub async fn create_database(url: &str) -> Result<bool, MigrateError> {
        link::create_database(url).await
    }

    /// What is applied and what is pending.
    pub async fn plan(&mut self) -> Result<Plan, MigrateError> {
        let applied = self.applied().await?;
        Ok(Plan::new(&self.migrations, &applied))
    }

    /// Applies what is pending; tells `progress` the name of each before it starts. Refuses a schema that this
    /// version could not run on, whatever it applied.
    pub async fn up(&mut self, mut progress: impl FnMut(&str)) -> Result<Brought, MigrateError> {
        let plan = self.plan().await?;
        if let Some(conflict) = plan.conflict() {
            return Err(MigrateError::Refused(conflict));
        }
        let mut brought = Brought::default();
        for migration in self.migrations.clone() {
            if plan.in_state(State::Pending).any(|line| line.version == migration.version) {
                let done = self.step(&migration, Direction::Up, &mut progress).await;
                match done.map_err(|source| failed(&migration, source))? {
                    true => brought.applied += 1,
                    false => brought.by_others += 1,
                }
            }
        }
        Ok(brought)
    }

    /// Undoes the newest applied migration; returns its name, or `None` if nothing is applied.
    pub async fn down(&mut self) -> Result<Option<String>, MigrateError> {
        let plan = self.plan().await?;
        let Some(newest) = plan.0.iter().rev().find(|line| line.state != State::Pending) else {
            return Ok(None);
        };
        let migration =
            self.migrations.iter().find(|m| m.version == newest.version && m.down.is_some()).cloned();
        let Some(migration) = migration else {
            return Err(MigrateError::Refused(format!(
                "{:04}_{} cannot be undone by this version: it has no `down` file for it",
                newest.version, newest.name
            )));
        };
        self.step(&migration, Direction::Down, |_| ()).await.map_err(|source| failed(&migration, source))?;
        Ok(Some(format!("{:04}_{}", migration.version, migration.name)))
    }

    /// One migration, under the lock; `false` if somebody else had done it by the time we held it.
    async fn step(
        &mut self,
        migration: &Migration,
        direction: Direction,
        mut progress: impl FnMut(&str),
    ) -> Result<bool, DbError> {
        let sql = match direction {
            Direction::Up => migration.up,
            Direction::Down => migration.down.unwrap_or_default(),
        };
        self.raw(match self.link {
            Link::Sqlite(_) => "BEGIN IMMEDIATE",
            Link::Postgres(..) => LOCK,
        })
        .await?;
        let outcome = match self.is_applied(migration.version).await {
            Ok(applied) if applied == matches!(direction, Direction::Up) => Ok(false),
            Ok(_) => {
                progress(migration.name);
                self.run(migration, direction, sql).await.map(|()| true)
            }
            Err(error) => Err(error),
        };
        let end = self.raw(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        // Where both failed, the first says why.
        outcome.and_then(|done| end.map(|()| done))
    }

    async fn run(
        &mut self,
        migration: &Migration,
        direction: Direction,
        sql: &'static str,
    ) -> Result<(), DbError> {
        match &self.link {
            Link::Postgres(_, options) if !migration.transactional => {
                let mut other = options.connect().await?;
                // Several in one message would be one transaction again.
                for statement in sql.split_inclusive(";\n") {
                    sqlx::raw_sql(statement).execute(&mut other).await?;
                }
                other.close().await?;
            }
            Link::Postgres(..) => self.raw(sql).await?,
            Link::Sqlite(_) => {
                self.raw(sql).await?;
                self.check_references().await?;
            }
        }
        match direction {
            Direction::Up => self.note(migration).await,
            Direction::Down => {
                self.raw_owned(format!("DELETE FROM schema_migrations WHERE version = {}", migration.version))
                    .await
            }
        }
    }

    async fn check_references(&mut self) -> Result<(), DbError> {
        let Link::Sqlite(connection) = &mut self.link else { return Ok(()) };
        let sql = "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1";
        let lost: Option<String> = sqlx::query_scalar(sql).fetch_optional(connection).await?;
        lost.map_or(Ok(()), |table| {
            let message = format!("it leaves rows in `{table}` that point at rows that are gone");
            Err(DbError::Failed(sqlx::Error::Protocol(message)))
        })
    }

    async fn note(&mut self, m: &Migration) -> Result<(), DbError> {
        let sql = "INSERT INTO schema_migrations (version, name, label, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)";
        let now = self.clock.now();
        on_link!(&mut self.link, c => {
            sqlx::query(sql).bind(m.version).bind(m.name).bind(m.label).bind(m.checksum()).bind(now).execute(c).await?;
        });
        Ok(())
    }

    async fn applied(&mut self) -> Result<Vec<Applied>, DbError> {
        Ok(on_link!(&mut self.link, c => sqlx::query_as(APPLIED).fetch_all(c).await?))
    }

    async fn is_applied(&mut self, version: i64) -> Result<bool, DbError> {
        let sql = "SELECT version FROM schema_migrations WHERE version = $1";
        let row: Option<(i64,)> =
            on_link!(&mut self.link, c => sqlx::query_as(sql).bind(version).fetch_optional(c).await?);
        Ok(row.is_some())
    }

    /// PostgreSQL's `IF NOT EXISTS` is not safe against a twin that creates the same at the same moment;
    /// the second time the twin's table is there.
    async fn create_table(&mut self) -> Result<(), DbError> {
        match self.raw(CREATE_TABLE).await {
            Err(_) => self.raw(CREATE_TABLE).await,
            outcome => outcome,
        }
    }

    async fn raw(&mut self, sql: &'static str) -> Result<(), DbError> {
        on_link!(&mut self.link, c => sqlx::raw_sql(sql).execute(c).await.map(drop))?;
        Ok(())
    }

    async fn raw_owned(&mut self, sql: String) -> Result<(), DbError> {
        on_link!(&mut self.link, c => sqlx::raw_sql(AssertSqlSafe(sql)).execute(c).await.map(drop))?;
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

fn failed(migration: &Migration, source: DbError) -> MigrateError {
    MigrateError::Step { version: migration.version, name: migration.name.into(), source }
}
