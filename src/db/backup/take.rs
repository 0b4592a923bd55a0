//! A copy of the database, beside those who write to it.

use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::pin::pin;
use std::time::Duration;

use serde::Serialize;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use super::check::check;
use super::draft::Draft;
use super::error::{BackupError, of};
use super::names::{COMPANIONS, beside, is_same};
use super::step::Step;
use crate::db::sqlite;

/// How often whoever waits is told.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// A finished backup.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    pub path: PathBuf,
    pub bytes: u64,
    /// As `0014_roles_versions`.
    pub newest_migration: String,
}

/// Copies the SQLite database of `url` into `target`: everything that was committed before this began. A
/// file of that name is replaced only if `replace` says so, and only by a copy that is whole and sound.
pub async fn take(
    url: &str,
    target: &Path,
    replace: bool,
    progress: impl Fn(Step),
) -> Result<Snapshot, BackupError> {
    let options = sqlite::connect_options(url)?.create_if_missing(false);
    let whole = |path: &Path| absolute(path).map_err(of(path));
    let (source, target) = (whole(options.get_filename())?, whole(target)?);
    if !source.is_file() {
        return Err(BackupError::Absent(source));
    }
    let own = COMPANIONS.iter().chain(&[".lock"]).any(|suffix| beside(&source, suffix) == target);
    if own || is_same(&source, &target) {
        return Err(BackupError::Itself(target));
    }
    if !replace && fs::symlink_metadata(&target).is_ok() {
        return Err(BackupError::Taken(target));
    }
    let draft = Draft::open(beside(&target, ".part"))?;
    let claim = sqlite::claim(&options).await?;
    let mut connection = options.connect().await?;
    drop(claim);
    copy(&mut connection, draft.path(), progress_of(&progress))
        .await
        .map_err(|error| BackupError::Copy { file: target.clone(), error: error.into() })?;
    connection.close().await?;
    progress(Step::Checking);
    let sound = check(draft.path(), &target).await?;
    let bytes = draft.sync()?;
    draft.publish(&target)?;
    Ok(Snapshot { path: target, bytes, newest_migration: sound.newest_migration })
}

fn progress_of(progress: &impl Fn(Step)) -> impl Fn(u64, u64) {
    move |done, of| progress(Step::Copying { done, of })
}

/// The file that is written may be there if it is empty, which is how it comes by its mode.
async fn copy(
    source: &mut SqliteConnection,
    target: &Path,
    progress: impl Fn(u64, u64),
) -> Result<(), sqlx::Error> {
    let size: i64 = sqlx::query_scalar(
        "SELECT (page_count - freelist_count) * page_size
         FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    )
    .fetch_one(&mut *source)
    .await?;
    let name = target.to_str().ok_or_else(|| sqlx::Error::Configuration("the path must be UTF-8".into()))?;
    let mut copying = pin!(sqlx::query("VACUUM INTO $1").bind(name).execute(source));
    let mut told = tokio::time::interval(TOLD_EVERY);
    loop {
        tokio::select! {
            done = &mut copying => return done.map(drop),
            _ = told.tick() => {
                let written = fs::metadata(target).map_or(0, |file| file.len());
                progress(written, u64::try_from(size).unwrap_or_default());
            }
        }
    }
}
