//! A file that is not yet what it is to be.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::error::{BackupError, of};
use super::names::beside;

/// An empty file for its owner alone, deleted with this value unless it was published. One that somebody
/// left who was killed is taken over.
pub(super) struct Draft {
    path: PathBuf,
    /// Held open to the end: closing it would drop the locks that SQLite has on the file in this process.
    file: File,
}

impl Draft {
    pub(super) fn open(path: PathBuf) -> Result<Self, BackupError> {
        let mut options = OpenOptions::new();
        // What somebody laid there is not followed.
        let no_follow = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(no_follow.bits().cast_signed());
        let file = options.open(&path).map_err(of(&path))?;
        let found = file.metadata().map_err(of(&path))?;
        if !found.is_file() || found.uid() != geteuid().as_raw() || found.nlink() != 1 {
            return Err(BackupError::Foreign(path));
        }
        match file.try_lock() {
            // Where files cannot be locked, nobody looks after two at once.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::UnderWay(path)),
        }
        // It may have been published between the two steps, and is another's good copy now.
        let is_here = fs::symlink_metadata(&path)
            .is_ok_and(|here| file.metadata().is_ok_and(|f| f.ino() == here.ino()));
        if !is_here {
            return Err(BackupError::UnderWay(path));
        }
        let draft = Self { path, file };
        let emptied =
            draft.file.set_len(0).and_then(|()| draft.file.set_permissions(Permissions::from_mode(0o600)));
        emptied.map_err(of(&draft.path))?;
        Ok(draft)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes the content durable; returns its size in bytes.
    pub(super) fn sync(&self) -> Result<u64, BackupError> {
        let size = || self.file.sync_all().and_then(|()| self.file.metadata());
        Ok(size().map_err(of(&self.path))?.len())
    }

    /// Gives it its name, in place of what has that name, and makes that durable.
    pub(super) fn publish(self, name: &Path) -> Result<(), BackupError> {
        let renamed = fs::rename(&self.path, name).and_then(|()| sync_folder(name));
        renamed.map_err(of(name))
    }
}

/// Makes the names in a file's folder durable.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After publishing nothing has these names any more.
        for path in [&self.path, &beside(&self.path, "-journal")] {
            _ = fs::remove_file(path);
        }
    }
}
