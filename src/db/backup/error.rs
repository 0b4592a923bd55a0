//! Why there is no copy, or none was put back.

use std::io;
use std::path::{Path, PathBuf};

use crate::db::DbError;

/// Why a backup was not made, or not restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("there is no database at {}", .0.display())]
    Absent(PathBuf),
    #[error("{} is there already; name another file, or say --force to replace it", .0.display())]
    Taken(PathBuf),
    #[error("{} is the database itself", .0.display())]
    Itself(PathBuf),
    #[error("{} is not a file of yours alone: delete it first", .0.display())]
    Foreign(PathBuf),
    #[error("another one is under way: it holds {}", .0.display())]
    UnderWay(PathBuf),
    #[error("the database {} is in use; stop every server and every other program that has it open", .0.display())]
    InUse(PathBuf),
    #[error("{} lies beside the backup, so that is a database in use or a part of one; copy databases with `stead backup`", .0.display())]
    HasLog(PathBuf),
    #[error("{} is not sound: {why}", .file.display())]
    Unsound { file: PathBuf, why: String },
    #[error("{}: {error}", .file.display())]
    File { file: PathBuf, error: io::Error },
    #[error("{}: {error}", .file.display())]
    Copy { file: PathBuf, error: DbError },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Says of which file an error is.
pub(super) fn of(file: &Path) -> impl Fn(io::Error) -> BackupError {
    move |error| BackupError::File { file: file.to_path_buf(), error }
}
