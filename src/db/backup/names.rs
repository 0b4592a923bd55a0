//! The names of files.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What SQLite may keep beside a database.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The name of what lies beside a file.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.to_path_buf();
    path.as_mut_os_string().push(suffix);
    path
}

/// Whether two names are of one file.
pub(super) fn is_same(a: &Path, b: &Path) -> bool {
    let id = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    id(a).is_some_and(|a| id(b) == Some(a))
}
