//! Servers that the system gives less: few files, or a small disk.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::place::Place;

/// The program with so many files at most. The limit is the hard one: the server raises the other to it.
pub fn few_files(binary: &Path, place: &Place, limit: usize) -> Result<PathBuf> {
    script(place, "few-files", &format!("ulimit -n {limit}\nexec '{}' \"$@\"", binary.display()))
}

/// A disk in memory that only those see who are led to it, until it is dropped.
pub struct SmallDisk {
    holder: Child,
    enter: &'static [&'static str],
    place: PathBuf,
    size_mib: usize,
    /// Runs the program where the disk is.
    pub program: PathBuf,
}

/// Where it is mounted, in the folder of the place.
const DISK: &str = "small";
const BALLAST: &str = "ballast";
/// How a namespace is made, and how it is entered: as root, or as somebody who is root in one of his own only.
const WAYS: [(&str, &[&str]); 2] = [("-m", &["-m"]), ("-rm", &["-U", "--preserve-credentials", "-m"])];

impl SmallDisk {
    /// `None` where none can be mounted.
    pub fn mount(binary: &Path, place: &Place, size_mib: usize) -> Result<Option<Self>> {
        fs::create_dir_all(place.folder().join(DISK))?;
        for (make, enter) in WAYS {
            let Some(holder) = hold(place, make, size_mib)? else { continue };
            let (id, flags) = (holder.id(), enter.join(" "));
            let program = format!("exec nsenter -t {id} {flags} -w '{}' \"$@\"", binary.display());
            let program = script(place, "small-disk", &program)?;
            return Ok(Some(Self { holder, enter, place: place.folder().to_owned(), size_mib, program }));
        }
        Ok(None)
    }

    /// The database on it, in the folder of the place.
    pub fn file() -> PathBuf {
        Path::new(DISK).join("stead.db")
    }

    pub fn url() -> String {
        format!("sqlite://{}", Self::file().display())
    }

    /// A program that sees it, in the folder of the place.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("-t").arg(self.holder.id().to_string()).args(self.enter).args(["-w", program]);
        command
    }

    /// Leaves a sixteenth of it.
    pub fn nearly_fill(&self) -> Result<()> {
        let ballast = vec![0; (self.size_mib - self.size_mib / 16) << 20];
        Ok(fs::write(self.folder()?.join(BALLAST), ballast)?)
    }

    /// Leaves nothing of it.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = File::create(self.folder()?.join(BALLAST))?;
        for piece in [1 << 20, 1 << 12] {
            let zeros = vec![0; piece];
            loop {
                match ballast.write_all(&zeros) {
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    written => written?,
                }
            }
        }
        Ok(())
    }

    pub fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.folder()?.join(BALLAST))?)
    }

    fn folder(&self) -> Result<PathBuf> {
        let seen_by_it = Path::new("/proc").join(self.holder.id().to_string()).join("root");
        Ok(seen_by_it.join(self.place.strip_prefix("/")?).join(DISK))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The last process in a namespace takes its mounts along.
        _ = self.holder.kill();
        _ = self.holder.wait();
    }
}

/// A process that mounts the disk in a namespace of its own, and stays.
fn hold(place: &Place, make: &str, size_mib: usize) -> Result<Option<Child>> {
    let mount = format!("mount -t tmpfs -o size={size_mib}m tmpfs {DISK} && echo mounted && exec cat");
    let mut command = Command::new("unshare");
    command.args([make, "/bin/sh", "-c", &mount]).current_dir(place.folder());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut holder) = command.spawn() else { return Ok(None) };
    let mut told = [0; 8];
    let is_held = holder.stdout.as_mut().context("there is no pipe from it")?.read_exact(&mut told).is_ok();
    if !is_held {
        holder.kill()?;
        holder.wait()?;
    }
    Ok(is_held.then_some(holder))
}

fn script(place: &Place, name: &str, commands: &str) -> Result<PathBuf> {
    let file = place.folder().join(name);
    fs::write(&file, format!("#!/bin/sh\n{commands}\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}
