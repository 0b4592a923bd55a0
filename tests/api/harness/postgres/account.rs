//! Who runs the server: PostgreSQL refuses root, so root hands it to the `postgres` account.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The account that owns the server's files, when it is not our own.
pub(super) struct Account(Option<(u32, u32)>);

impl Account {
    pub(super) fn for_server() -> Self {
        // Files that this process makes belong to it, and so does its own entry in /proc.
        let root = std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0);
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self(if root { accounts.lines().find_map(postgres) } else { None })
    }

    pub(super) fn assume(&self, command: &mut Command) {
        if let Self(Some((uid, gid))) = self {
            command.uid(*uid).gid(*gid);
        }
    }

    pub(super) fn own(&self, path: &Path) -> std::io::Result<()> {
        match self {
            Self(Some((uid, gid))) => std::os::unix::fs::chown(path, Some(*uid), Some(*gid)),
            Self(None) => Ok(()),
        }
    }
}

fn postgres(line: &str) -> Option<(u32, u32)> {
    let mut fields = line.split(':');
    if fields.next()? != "postgres" {
        return None;
    }
    let mut ids = fields.skip(1).map(str::parse);
    Some((ids.next()?.ok()?, ids.next()?.ok()?))
}
