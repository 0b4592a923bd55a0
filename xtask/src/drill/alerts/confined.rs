//! Servers that the system gives less: few files, or a small disk. What confines one ends with its process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::place::Place;
use crate::process;
use crate::server::Server;

/// The folder of the small disk, and its size in MiB.
const DISK: &str = "small";
const SIZE_MIB: usize = 64;

/// The program with so many files at most. The limit is the hard one: the server raises the other to it.
pub fn few_files(binary: &Path, place: &Place, limit: usize) -> Result<PathBuf> {
    script(place, "few-files", &format!("ulimit -n {limit}\nexec '{}' \"$@\"", binary.display()))
}

/// The program with its data on a small disk that nobody else sees; `None` where none can be mounted.
pub fn small_disk(binary: &Path, place: &Place) -> Result<Option<PathBuf>> {
    fs::create_dir_all(place.folder().join(DISK))?;
    let mount = format!("mount -t tmpfs -o size={SIZE_MIB}m tmpfs {DISK}");
    // As root, or as somebody who is root in a namespace of his own only.
    let may = |flags: &&str| {
        let mut attempt = Command::new("unshare");
        attempt.args([flags, "/bin/sh", "-c", &mount]).current_dir(place.folder());
        process::output(&mut attempt).is_ok()
    };
    let Some(flags) = ["-m", "-rm"].into_iter().find(may) else { return Ok(None) };
    let inside = format!("{mount} && \"$0\" migrate up && exec \"$0\" \"$@\"");
    let exec = format!("exec unshare {flags} /bin/sh -c '{inside}' '{}' \"$@\"", binary.display());
    script(place, "small-disk", &exec).map(Some)
}

/// The database on the small disk.
pub fn on_small_disk() -> String {
    format!("sqlite://{DISK}/stead.db")
}

/// Leaves a sixteenth of the small disk.
pub fn fill(server: &Server, place: &Place) -> Result<()> {
    let seen_by_it = Path::new("/proc").join(server.pid().to_string()).join("root");
    let folder = seen_by_it.join(place.folder().strip_prefix("/")?).join(DISK);
    fs::write(folder.join("ballast"), vec![0; (SIZE_MIB - SIZE_MIB / 16) << 20])?;
    Ok(())
}

fn script(place: &Place, name: &str, commands: &str) -> Result<PathBuf> {
    let file = place.folder().join(name);
    fs::write(&file, format!("#!/bin/sh\n{commands}\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}
