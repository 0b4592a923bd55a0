//! What replicas tell each other: something about callers is not as it was.

use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::base::id::{SessionId, UserId};

/// Something that callers may not be believed about any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This session ended.
    Session(SessionId),
    /// The status, the roles or all sessions of this account changed.
    User(UserId),
    /// Keys were made, revoked or wrapped anew.
    Keys,
    /// Anything may have changed: a role was redefined, or this replica cannot know what it missed.
    Everything,
}

const SESSION: &str = "session";
const USER: &str = "user";
const KEYS: &str = "keys";
const EVERYTHING: &str = "everything";

impl Change {
    /// As the log keeps it.
    pub(super) fn columns(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Session(id) => (SESSION, Some(id.0)),
            Self::User(id) => (USER, Some(id.0)),
            Self::Keys => (KEYS, None),
            Self::Everything => (EVERYTHING, None),
        }
    }

    /// From the log. What a newer version writes and this one does not know may be anything.
    pub(super) fn of(kind: &str, subject: Option<Uuid>) -> Self {
        match (kind, subject) {
            (SESSION, Some(id)) => Self::Session(SessionId(id)),
            (USER, Some(id)) => Self::User(UserId(id)),
            (KEYS, _) => Self::Keys,
            _ => Self::Everything,
        }
    }
}

/// Carries changes to the one who listens. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Herald(Arc<OnceLock<Listener>>);

type Listener = Box<dyn Fn(&[Change]) + Send + Sync>;

impl Herald {
    pub fn listen(&self, listener: impl Fn(&[Change]) + Send + Sync + 'static) {
        _ = self.0.set(Box::new(listener));
    }

    pub fn tell(&self, changes: &[Change]) {
        if let Some(listener) = self.0.get().filter(|_| !changes.is_empty()) {
            listener(changes);
        }
    }
}
