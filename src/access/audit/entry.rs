//! An entry as it is read, and its place among the others.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::action::Action;
use crate::base::clock::Timestamp;
use crate::base::id::UserId;

crate::id_type!(
    /// An entry of the audit log.
    EventId
);

/// An entry with its details, as far as these are still kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Entry {
    pub id: EventId,
    pub occurred_at: Timestamp,
    pub action: Action,
    pub actor_id: Option<UserId>,
    pub subject_id: Option<UserId>,
    pub role: Option<String>,
    pub request_id: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

/// The place after which a page begins.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Position {
    pub(super) occurred_at: Timestamp,
    pub(super) id: EventId,
}

impl Position {
    pub(super) const BEGINNING: Self = Self { occurred_at: Timestamp::EPOCH, id: EventId(Uuid::nil()) };

    pub fn of(entry: &Entry) -> Self {
        Self { occurred_at: entry.occurred_at, id: entry.id }
    }
}
