//! What a hash thread is asked, and what it answers.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Span;

use crate::access::strength::{Measure, Weakness};
use crate::base::secret::Password;
use crate::telemetry::subject::Subject;

/// A place in the queue. It travels with the job, so a caller who hangs up does not free it early.
pub struct Place(#[expect(dead_code, reason = "held for its drop")] pub(super) OwnedSemaphorePermit);

/// What a stored hash said of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub matches: bool,
    /// The stored hash was made with other settings than today's.
    pub outdated: bool,
}

pub(super) struct Job {
    pub task: Task,
    pub place: Place,
    pub queued: Instant,
    /// Of whoever waits for it.
    pub span: Span,
    pub subject: Option<Arc<Subject>>,
}

pub(super) enum Task {
    Hash {
        password: Password,
        salt: [u8; 16],
        measure: Option<Measure>,
        reply: oneshot::Sender<Result<String, Weakness>>,
    },
    Measure {
        password: Password,
        measure: Measure,
        reply: oneshot::Sender<Result<(), Weakness>>,
    },
    Verify {
        password: Password,
        stored: Option<String>,
        reply: oneshot::Sender<Verdict>,
    },
}
