//! What an import is asked for, how far it has come, what it came to, and why it may end early.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use serde::Serialize;

use super::Fault;
use super::source::{Source, Unreadable};
use crate::db::DbError;
use crate::features::users::error::UsersError;

/// What becomes of the good lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They are kept, whatever the others are.
    Good,
    /// They are kept if there are no others. The file is read up to three times: to check it, to hash its
    /// passwords if it has some, and to do it.
    AllOrNothing,
    /// Nothing is done but to check them.
    DryRun,
}

/// People to be taken in.
pub struct Import<'a> {
    /// Opens the file, each time from its beginning.
    pub open: &'a (dyn Fn() -> Result<Source, Unreadable> + Sync),
    pub way: Way,
    /// Whether pending people without a password get an invitation by mail.
    pub invite: bool,
}

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The last line that was settled.
    pub line: u64,
    /// How many accounts were made, or would have been in a dry run.
    pub made: u64,
    pub invited: u64,
    /// How many lines were refused.
    pub refused: u64,
    /// Whether it was stopped before the end.
    pub stopped: bool,
    /// Whether what was made was kept.
    pub kept: bool,
}

/// What an import does with the lines it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    Making,
    Checking,
    /// Passwords, for accounts that are all made afterwards.
    Hashing,
    /// All accounts are made and become lasting now, or none.
    Committing,
}

/// How far an import has come, and whether it is to end: looked at and told by others while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Lines and bytes that are settled.
    pub line: AtomicU64,
    pub end: AtomicU64,
    pub made: AtomicU64,
    pub refused: AtomicU64,
    /// Passwords that were hashed.
    pub hashed: AtomicU64,
    phase: AtomicU8,
    stop: AtomicBool,
}

impl Progress {
    /// Ends the import after the present batch.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn phase(&self) -> Phase {
        let phases = [Phase::Making, Phase::Checking, Phase::Hashing, Phase::Committing];
        let now = self.phase.load(Ordering::Relaxed);
        phases.into_iter().find(|phase| *phase as u8 == now).unwrap_or(Phase::Making)
    }

    /// From the first line again.
    pub(super) fn begin(&self, phase: Phase) {
        self.note(&Summary::default(), 0);
        self.enter(phase);
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn note(&self, summary: &Summary, end: u64) {
        for (figure, value) in [
            (&self.line, summary.line),
            (&self.end, end),
            (&self.made, summary.made),
            (&self.refused, summary.refused),
        ] {
            figure.store(value, Ordering::Relaxed);
        }
    }
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("the report cannot be written: {0}")]
    Report(#[from] io::Error),
    #[error("the hashes of passwords cannot be kept in a temporary file (TMPDIR says where): {0}")]
    Spool(#[source] io::Error),
    #[error("the file was changed while it was read")]
    Changed,
    #[error("a role of the file was deleted meanwhile")]
    RoleGone,
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Takes what is wrong with lines, in their order.
pub type Faults<'a> = &'a mut (dyn FnMut(&Fault) -> io::Result<()> + Send);
