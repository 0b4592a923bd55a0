//! The audit log: one row for everything that matters for security, in the transaction of its cause.
//!
//! Rows hold ids only and cannot be changed; address and program of the caller lie beside them, in
//! `audit_details`, and go when the account is purged.

mod action;
mod bulk;
mod entry;
mod reading;

use opentelemetry::metrics::Meter;

pub use self::action::Action;
pub use self::entry::{Entry, EventId, Position};
pub use self::reading::{Filter, about, count, list};
use super::meters::Meters;
use super::origin::Origin;
use crate::base::clock::Clock;
use crate::base::id::UserId;
use crate::base::random::Random;
use crate::db::{DbError, Tx};

/// Writes entries. Clones share the clock and the randomness.
#[derive(Clone)]
pub struct Audit {
    clock: Clock,
    random: Random,
    /// What happens is counted, too, and for all who write.
    pub(super) meters: Meters,
}

impl Audit {
    pub fn new(clock: Clock, random: Random) -> Self {
        Self { clock, random, meters: Meters::default() }
    }

    /// Measures from now on.
    pub(super) fn measure(&self, meter: &Meter) {
        self.meters.start(meter, Action::ALL.iter().map(|action| action.name()));
    }

    /// Writes one entry. `actor` is who did it (nobody, where nobody is signed in), `subject` is whom
    /// it was done to.
    pub async fn record(
        &self,
        tx: &mut Tx,
        action: Action,
        actor: Option<UserId>,
        subject: Option<UserId>,
        origin: &Origin,
    ) -> Result<(), DbError> {
        self.write(tx, action, actor, Object { subject, role: None }, origin).await
    }

    /// Writes one entry about a role.
    pub async fn record_role(
        &self,
        tx: &mut Tx,
        action: Action,
        actor: Option<UserId>,
        role: &str,
        origin: &Origin,
    ) -> Result<(), DbError> {
        self.write(tx, action, actor, Object { subject: None, role: Some(role.to_owned()) }, origin).await
    }

    async fn write(
        &self,
        tx: &mut Tx,
        action: Action,
        actor: Option<UserId>,
        object: Object,
        origin: &Origin,
    ) -> Result<(), DbError> {
        self.meters.audited(action.name());
        let id = EventId::fresh(&self.clock, &self.random);
        tx.query(
            "INSERT INTO audit_events (id, occurred_at, action, actor_id, subject_id, role, request_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id)
        .bind(self.clock.now())
        .bind(action)
        .bind(actor)
        .bind(object.subject)
        .bind(object.role)
        .bind(&origin.request_id)
        .execute()
        .await?;
        tx.query("INSERT INTO audit_details (event_id, ip, user_agent) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(origin.ip.map(|ip| ip.to_string()))
            .bind(&origin.user_agent)
            .execute()
            .await
            .map(drop)
    }
}

/// What it was done to.
struct Object {
    subject: Option<UserId>,
    role: Option<String>,
}

/// Deletes what lies beside the entries of an account: from where it acted, and from where somebody did who
/// was not signed in. From where others did is theirs.
pub async fn forget(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.query(
        "DELETE FROM audit_details WHERE event_id IN (SELECT id FROM audit_events WHERE actor_id = $1)
            OR event_id IN (SELECT id FROM audit_events WHERE subject_id = $1 AND actor_id IS NULL)",
    )
    .bind(user)
    .execute()
    .await
    .map(drop)
}
