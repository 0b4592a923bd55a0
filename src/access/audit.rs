//! The audit log: one row for everything that matters for security, in the transaction of its cause.
//!
//! Rows hold ids only and cannot be changed; address and program of the caller lie beside them, in
//! `audit_details`, and go when the account is purged.

mod bulk;

use opentelemetry::metrics::Meter;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::meters::Meters;
use super::origin::Origin;
use crate::base::clock::{Clock, Timestamp};
use crate::base::id::UserId;
use crate::base::random::Random;
use crate::db::{DbError, Query, ReadOnly, Session, Tx};

crate::id_type!(
    /// An entry of the audit log.
    EventId
);

/// What happened. Names are stable: they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Action {
    Registered,
    EmailVerified,
    LoggedIn,
    LoginFailed,
    LoggedOut,
    SessionEnded,
    AllSessionsEnded,
    RefreshTokenReused,
    PasswordChanged,
    PasswordResetRequested,
    PasswordReset,
    EmailChangeRequested,
    EmailChanged,
    EmailChangeCancelled,
    InvitationAccepted,
    UserCreated,
    UserUpdated,
    UserSuspended,
    UserActivated,
    UserDeleted,
    UserRestored,
    UserPurged,
    UsersExported,
    RolesChanged,
    RoleCreated,
    RoleUpdated,
    RoleDeleted,
    KeyRotated,
    KeyRevoked,
    KeysRewrapped,
}

impl Action {
    pub const ALL: [Self; 30] = [
        Self::Registered,
        Self::EmailVerified,
        Self::LoggedIn,
        Self::LoginFailed,
        Self::LoggedOut,
        Self::SessionEnded,
        Self::AllSessionsEnded,
        Self::RefreshTokenReused,
        Self::PasswordChanged,
        Self::PasswordResetRequested,
        Self::PasswordReset,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::EmailChangeCancelled,
        Self::InvitationAccepted,
        Self::UserCreated,
        Self::UserUpdated,
        Self::UserSuspended,
        Self::UserActivated,
        Self::UserDeleted,
        Self::UserRestored,
        Self::UserPurged,
        Self::UsersExported,
        Self::RolesChanged,
        Self::RoleCreated,
        Self::RoleUpdated,
        Self::RoleDeleted,
        Self::KeyRotated,
        Self::KeyRevoked,
        Self::KeysRewrapped,
    ];
}

impl Action {
    /// As the log has it.
    fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
    }
}

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
        self.meters.start(meter, &Action::ALL.map(Action::name));
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
        self.meters.audited(Action::ALL.iter().position(|one| *one == action).unwrap_or(usize::MAX));
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

/// What a list of entries is restricted to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filter {
    pub actor_id: Option<UserId>,
    pub subject_id: Option<UserId>,
    pub action: Option<Action>,
    /// Inclusive.
    pub after: Option<Timestamp>,
    /// Exclusive.
    pub before: Option<Timestamp>,
}

/// The place after which a page begins.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Position {
    occurred_at: Timestamp,
    id: EventId,
}

impl Position {
    const BEGINNING: Self = Self { occurred_at: Timestamp::EPOCH, id: EventId(Uuid::nil()) };

    pub fn of(entry: &Entry) -> Self {
        Self { occurred_at: entry.occurred_at, id: entry.id }
    }
}

/// The entries that match, newest first, `limit` at most.
pub async fn list(
    db: &mut Session,
    filter: &Filter,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let query = restrict(
        db.query(
            "SELECT e.id, e.occurred_at, e.action, e.actor_id, e.subject_id, e.role, e.request_id, d.ip, d.user_agent
             FROM audit_events e LEFT JOIN audit_details d ON d.event_id = e.id",
        ),
        filter,
    );
    let query = match after {
        Some(Position { occurred_at, id }) => {
            query.push(" AND (e.occurred_at, e.id) < ($?").bind(occurred_at).push(", $?)").bind(id)
        }
        None => query,
    };
    query.push(" ORDER BY e.occurred_at DESC, e.id DESC LIMIT $?").bind(limit).fetch_all().await
}

/// Finds entries of what an account did and of what was done to it, oldest first, `limit` at most. From where
/// others did it is not among them: that is theirs.
pub fn about(db: &mut Session, user: UserId, after: Option<Position>, limit: i64) -> Query<'_, ReadOnly> {
    let Position { occurred_at, id } = after.unwrap_or(Position::BEGINNING);
    // Two walks, each along its index: an OR would read all that there is for every page.
    db.query(
        "SELECT e.id, e.occurred_at, e.action, e.actor_id, e.subject_id, e.role, e.request_id, d.ip, d.user_agent
         FROM (SELECT * FROM (SELECT * FROM audit_events WHERE actor_id = $1 AND (occurred_at, id) > ($2, $3)
                 ORDER BY occurred_at, id LIMIT $4) AS did
               UNION SELECT * FROM (SELECT * FROM audit_events WHERE subject_id = $1 AND (occurred_at, id) > ($2, $3)
                 ORDER BY occurred_at, id LIMIT $4) AS underwent) AS e
         LEFT JOIN audit_details d ON d.event_id = e.id AND (e.actor_id = $1 OR e.actor_id IS NULL)
         ORDER BY e.occurred_at, e.id LIMIT $4",
    )
    .bind(user)
    .bind(occurred_at)
    .bind(id)
    .bind(limit)
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

/// How many entries match.
pub async fn count(db: &mut Session, filter: &Filter) -> Result<i64, DbError> {
    let (count,): (i64,) =
        restrict(db.query("SELECT count(*) FROM audit_events e"), filter).fetch_one().await?;
    Ok(count)
}

fn restrict<'s, A>(query: Query<'s, A>, filter: &Filter) -> Query<'s, A> {
    let mut query = query.push(" WHERE 1 = 1");
    if let Some(actor) = filter.actor_id {
        query = query.push(" AND e.actor_id = $?").bind(actor);
    }
    if let Some(subject) = filter.subject_id {
        query = query.push(" AND e.subject_id = $?").bind(subject);
    }
    if let Some(action) = filter.action {
        query = query.push(" AND e.action = $?").bind(action);
    }
    if let Some(after) = filter.after {
        query = query.push(" AND e.occurred_at >= $?").bind(after);
    }
    if let Some(before) = filter.before {
        query = query.push(" AND e.occurred_at < $?").bind(before);
    }
    query
}
