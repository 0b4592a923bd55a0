//! Whether a file is a whole database of ours, and of which time.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::error::BackupError;
use crate::db::migrate::{self, State};

/// What a sound file says of itself.
pub(super) struct Sound {
    /// As `0014_roles_versions`.
    pub newest_migration: String,
    /// Migrations of this version that it does not have yet.
    pub pending: Vec<String>,
}

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
    let newest = in_state(State::Applied).chain(in_state(State::Unknown)).max();
    let pending = in_state(State::Pending).collect();
    Ok(newest
        .map(|newest_migration| Sound { newest_migration, pending })
        .ok_or_else(|| "it has no migrations, so it is no database of Stead".into()))
}
