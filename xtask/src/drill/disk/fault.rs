//! What befalls the disk.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use super::strace::Strace;
use crate::drill::confined::SmallDisk;
use crate::server::Server;

/// What SQLite asks of the disk when it writes, and how it fails: always, or now and then.
const FAILURES: &[&str] = &[
    "inject=fsync,fdatasync:error=EIO",
    "inject=pwrite64,write:error=EIO",
    "inject=fsync,fdatasync:error=EIO:when=2+3",
    "inject=pwrite64,write:error=EIO:when=7+40",
    "inject=pwrite64,write,ftruncate:error=ENOSPC:when=3+60",
    "inject=fsync,fdatasync,pwrite64,write,ftruncate:error=EIO:when=5+5",
];

pub enum Fault<'a> {
    /// Something else takes all the room there is.
    Full(&'a SmallDisk),
    /// The database's own calls fail.
    Failing { inject: &'static str, file: &'a Path, trace: &'a Path, strace: Option<Strace> },
}

impl<'a> Fault<'a> {
    /// One kind after the other, beginning one later each time around: every other round ends by a kill.
    pub fn failing(round: usize, file: &'a Path, trace: &'a Path) -> Self {
        Self::Failing {
            inject: FAILURES[(round + round / FAILURES.len()) % FAILURES.len()],
            file,
            trace,
            strace: None,
        }
    }

    pub fn begin(&mut self, server: &Server) -> Result<()> {
        match self {
            Self::Full(disk) => disk.fill(),
            Self::Failing { inject, file, trace, strace } => {
                let log = beside(file, "-wal");
                let [file, log] = [*file, &log].map(Path::to_str);
                let paths = ["-P", file.context("not a name for strace")?, "-P", log.context("the same")?];
                let arguments = [["-e", *inject].as_slice(), &paths].concat();
                *strace = Some(Strace::attach(server.pid(), &arguments, trace)?.map_err(|why| anyhow!(why))?);
                Ok(())
            }
        }
    }

    pub fn end(&mut self) -> Result<()> {
        match self {
            Self::Full(disk) => disk.free(),
            Self::Failing { strace, .. } => strace.take().map_or(Ok(()), Strace::detach),
        }
    }

    /// After the server was killed.
    pub fn end_with_process(&mut self) -> Result<()> {
        match self {
            Self::Full(disk) => disk.free(),
            Self::Failing { strace, .. } => strace.take().map_or(Ok(()), Strace::outlive),
        }
    }
}

/// A file that SQLite keeps beside the database.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
