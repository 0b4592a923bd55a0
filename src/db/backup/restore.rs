//! A copy in the place of the database, when nobody has that open.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use serde::Serialize;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::check::check;
use super::draft::{Draft, sync_folder};
use super::error::{BackupError, of};
use super::names::{COMPANIONS, beside, is_same};
use super::step::Step;
use crate::base::clock::Timestamp;
use crate::db::{DbError, sqlite};

/// How a file of SQLite begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What is in place now.
#[derive(Debug, Serialize)]
pub struct Restored {
    pub path: PathBuf,
    /// Where the database before it is; `None` if there was none or it was not to be kept.
    pub kept: Option<PathBuf>,
    /// As `0014_roles_versions`.
    pub newest_migration: String,
    /// Migrations of this version that are not applied yet.
    pub pending: Vec<String>,
}

/// Puts the backup in the place of the SQLite database of `url`, if it is sound and nobody has the
/// database open. The database before it gets another name, with the time in `keep`, or is deleted.
pub async fn restore(
    url: &str,
    backup: &Path,
    keep: Option<Timestamp>,
    progress: impl Fn(Step),
) -> Result<Restored, BackupError> {
    let options = sqlite::connect_options(url)?;
    let database = absolute(options.get_filename()).map_err(of(options.get_filename()))?;
    let content = readable(backup, &database)?;
    // Whoever of ours comes now waits here, and then finds the restored database.
    let _claim = sqlite::lock(&options).await?;
    // Told before the long work, and looked at again after it.
    drop(alone(&database)?);
    let mut draft = Draft::open(beside(&database, ".restoring"))?;
    copy(content, &mut draft, &progress)?;
    progress(Step::Checking);
    let sound = check(draft.path(), backup).await?;
    draft.sync()?;

    fold(&database).await?;
    let alone = alone(&database)?;
    let kept = keep
        .filter(|_| alone.is_some())
        .map(|at| beside(&database, &format!(".before-restore-{}", stamp(at))));
    set_aside(&database, kept.as_deref()).map_err(of(&database))?;
    draft.publish(&database)?;
    Ok(Restored { path: database, kept, newest_migration: sound.newest_migration, pending: sound.pending })
}

fn readable(backup: &Path, database: &Path) -> Result<File, BackupError> {
    // A pipe would be waited for.
    if !fs::metadata(backup).map_err(of(backup))?.is_file() {
        let why = "it is not a file".to_owned();
        return Err(BackupError::Unsound { file: backup.to_path_buf(), why });
    }
    let content = File::open(backup).map_err(of(backup))?;
    if is_same(backup, database) {
        return Err(BackupError::Itself(backup.to_path_buf()));
    }
    // What is in there would be lost, and the file alone may be anything.
    let log = beside(backup, "-wal");
    match fs::metadata(&log) {
        Ok(found) if found.len() > 0 => Err(BackupError::HasLog(log)),
        _ => Ok(content),
    }
}

/// The file's own lock, as SQLite takes it: every connection in WAL mode holds a part of it as long as it
/// is open, so whoever gets the whole is alone with it. `None` where there is no file.
fn alone(database: &Path) -> Result<Option<File>, BackupError> {
    let file = match OpenOptions::new().read(true).write(true).open(database) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(of(database))?,
    };
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::AGAIN | Errno::ACCESS) => Err(BackupError::InUse(database.to_path_buf())),
        Err(error) => Err(of(database)(error.into())),
    }
}

fn copy(mut content: File, draft: &mut Draft, progress: &impl Fn(Step)) -> Result<(), BackupError> {
    let size = content.metadata().map_or(0, |file| file.len());
    progress(Step::Copying { done: 0, of: size });
    let copied = io::copy(&mut content, draft.file());
    copied.map(drop).map_err(of(draft.path()))
}

/// Brings what the write-ahead log holds into the file, which then is the whole database: no crash from
/// here on finds one without the other. What SQLite cannot read is left as it is, file and log: to replace
/// it is what a restore is for.
async fn fold(database: &Path) -> Result<(), BackupError> {
    let mut head = [0; MAGIC.len()];
    // SQLite would throw away the log of a file that is none of its own.
    if File::open(database).and_then(|mut file| file.read_exact(&mut head)).is_err() || head != *MAGIC {
        return Ok(());
    }
    let options = SqliteConnectOptions::new().filename(database).busy_timeout(Duration::ZERO);
    let fold = async {
        let mut connection = options.connect().await?;
        let folded = sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut connection).await;
        connection.close().await?;
        folded.map(drop)
    };
    match fold.await.map_err(DbError::from) {
        Err(error) if error.is_busy() => Err(BackupError::InUse(database.to_path_buf())),
        _ => Ok(()),
    }
}

/// Gives the database a second name, so that there is one at every moment, and takes away what lies
/// beside it: a log that does not belong to a file would be played into it.
fn set_aside(database: &Path, kept: Option<&Path>) -> io::Result<()> {
    if let Some(kept) = kept {
        fs::hard_link(database, kept)?;
    }
    for suffix in COMPANIONS {
        let companion = beside(database, suffix);
        let moved = match kept {
            Some(kept) => fs::rename(&companion, beside(kept, suffix)),
            None => fs::remove_file(&companion),
        };
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_folder(database)
}

/// A time as it may stand in the name of a file anywhere: `20261123T070757.441087Z`.
fn stamp(at: Timestamp) -> String {
    at.to_string().replace([':', '-'], "")
}
