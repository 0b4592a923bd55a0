//! Whether a file is a whole database of ours, and of which time.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::error::BackupError;
use crate::db::Driver;
use crate::db::migrate::{self, Plan, State};

/// What a sound file says of itself.
pub(super) struct Sound {
    /// As `0014_roles_versions`.
    pub newest_migration: String,
    /// Migrations of this version that it does not have yet.
    pub pending: Vec<String>,
}

/// What holds the content of a database and the rules for it. An index that only makes things faster may
/// be missing: an operator may have had a reason.
const PARTS: &str = "SELECT o.type AS kind, o.name, c.name AS column FROM sqlite_schema o
    LEFT JOIN pragma_table_info(o.name) c ON o.type = 'table'
    WHERE o.type IN ('table', 'trigger') OR o.sql LIKE 'create unique index%'";

/// Reads all of `file`; `name` is what an error calls it.
pub(super) async fn check(file: &Path, name: &Path) -> Result<Sound, BackupError> {
    let unsound = |why: String| BackupError::Unsound { file: name.to_path_buf(), why };
    let options = SqliteConnectOptions::new().filename(file);
    let look = async {
        let mut connection = options.connect().await?;
        let looked = look(&mut connection).await;
        connection.close().await?;
        looked
    };
    // Nobody else has the file, so whatever SQLite cannot do is the file's fault.
    look.await.map_err(|error: sqlx::Error| unsound(error.to_string()))?.map_err(unsound)
}

async fn look(file: &mut SqliteConnection) -> Result<Result<Sound, String>, sqlx::Error> {
    let faults: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(&mut *file).await?;
    if faults != ["ok"] {
        return Ok(Err(faults.join("; ")));
    }
    let lost: Option<String> = sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1")
        .fetch_optional(&mut *file)
        .await?;
    if let Some(table) = lost {
        return Ok(Err(format!("rows in `{table}` point at rows that are gone")));
    }
    let plan = migrate::plan_of(file).await?;
    if let Some(conflict) = plan.conflict() {
        return Ok(Err(conflict));
    }
    let in_state = |state| plan.in_state(state).map(|line| format!("{:04}_{}", line.version, line.name));
    if let Some(missing) = lacks(file, &plan).await? {
        return Ok(Err(missing));
    }
    let newest = in_state(State::Applied).chain(in_state(State::Unknown)).max();
    let pending = in_state(State::Pending).collect();
    Ok(newest
        .map(|newest_migration| Sound { newest_migration, pending })
        .ok_or_else(|| "it has no migrations, so it is no database of Stead".into()))
}

/// What the file's migrations would have made and is not there. What somebody has added is his own
/// business; what a newer version made cannot be told.
async fn lacks(file: &mut SqliteConnection, plan: &Plan) -> Result<Option<String>, sqlx::Error> {
    if plan.in_state(State::Unknown).next().is_some() {
        return Ok(None);
    }
    let mut fresh = SqliteConnection::connect("sqlite::memory:").await?;
    for migration in migrate::embedded(Driver::Sqlite) {
        if plan.in_state(State::Applied).any(|line| line.version == migration.version) {
            sqlx::raw_sql(migration.up).execute(&mut fresh).await?;
        }
    }
    let (made, found) = (parts(&mut fresh).await?, parts(file).await?);
    fresh.close().await?;
    // What was missing with a table says less than the table.
    let missing = made.difference(&found).max_by_key(|part| part.kind == "table");
    Ok(missing.map(|part| format!("{part} is missing")))
}

async fn parts(database: &mut SqliteConnection) -> Result<BTreeSet<Part>, sqlx::Error> {
    Ok(sqlx::query_as(PARTS).fetch_all(database).await?.into_iter().collect())
}

#[derive(PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
struct Part {
    kind: String,
    name: String,
    column: Option<String>,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "the column `{column}` of the {} `{}`", self.kind, self.name),
            None => write!(f, "the {} `{}`", self.kind, self.name),
        }
    }
}
