//! The audit log, to read.

use std::fmt;

use axum::extract::{OriginalUri, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::audit::{self, Action, Entry, EventId, Filter, Position};
use crate::access::caller::Allowed;
use crate::access::permission::declared;
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::http::extract::Query;
use crate::http::feature::Feature;
use crate::http::page::{Limit, Listed, Page};
use crate::http::{Code, Problem};
use crate::state::AppState;
use crate::{permission, routes};

permission!(pub ReadAudit = "audit:read", "Read the audit log");

pub fn feature() -> Feature<AppState> {
    Feature::new("audit", "What happened that matters for security")
        .routes(routes![list_audit_events])
        .permissions(&[declared::<ReadAudit>()])
        .holds("audit_events", held)
}

const LIST: &str = "audit-events";

/// What happened.
#[derive(Serialize, ToSchema)]
pub struct AuditEvent {
    id: EventId,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    occurred_at: Timestamp,
    action: Action,
    /// Who did it; `null` where nobody was signed in, or at the terminal.
    #[schema(required = true)]
    actor_id: Option<UserId>,
    /// Whom it was done to.
    #[schema(required = true)]
    subject_id: Option<UserId>,
    /// The role that was made, changed or deleted.
    #[schema(required = true, example = "auditor")]
    role: Option<String>,
    #[schema(required = true)]
    request_id: Option<String>,
    /// Kept until the account is purged.
    #[schema(required = true, example = "192.0.2.7")]
    ip: Option<String>,
    #[schema(required = true, example = "curl/8.5.0")]
    user_agent: Option<String>,
}

impl From<Entry> for AuditEvent {
    fn from(entry: Entry) -> Self {
        let Entry { id, occurred_at, action, actor_id, subject_id, role, request_id, ip, user_agent } = entry;
        Self { id, occurred_at, action, actor_id, subject_id, role, request_id, ip, user_agent }
    }
}

/// The longest name of an action, so that columns stand under each other.
const WIDTH: usize = 24;

/// One line, for the terminal; `-` is what is not known.
impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = |id: Option<UserId>| id.map_or("-".to_owned(), |id| id.to_string());
        let action = self.action.name();
        let subject = self.role.clone().unwrap_or_else(|| id(self.subject_id));
        let (actor, ip) = (id(self.actor_id), self.ip.as_deref().unwrap_or("-"));
        write!(f, "{}  {action:<WIDTH$}  by {actor:<36}  to {subject:<36}  from {ip}", self.occurred_at)
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    actor_id: Option<UserId>,
    subject_id: Option<UserId>,
    action: Option<Action>,
    /// At this time or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    after: Option<Timestamp>,
    /// Before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    before: Option<Timestamp>,
    #[serde(default)]
    #[param(value_type = u8, minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Counts all that match, which takes time on long lists.
    #[serde(default)]
    include_total: bool,
}

/// List audit events, newest first.
#[utoipa::path(get, path = "/audit-events", operation_id = "list_audit_events", params(AuditQuery), responses(
    (status = OK, body = Page<AuditEvent>, headers(("Link" = String, description = "`rel=\"next\"`, if there is a next page")))))]
async fn list_audit_events(
    State(state): State<AppState>,
    _: Allowed<ReadAudit>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<AuditQuery>,
) -> Result<Listed<AuditEvent>, Problem> {
    let page = page(&state, query).await?;
    Ok(Listed { page: page.map(AuditEvent::from), uri })
}

async fn held(
    state: AppState,
    user: UserId,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<(Position, AuditEvent)>, Problem> {
    let entries = audit::about(&mut state.db.read().await?, user, after, limit).fetch_all::<Entry>().await?;
    Ok(entries.into_iter().map(|entry| (Position::of(&entry), entry.into())).collect())
}

async fn page(state: &AppState, query: AuditQuery) -> Result<Page<Entry>, Problem> {
    let AuditQuery { actor_id, subject_id, action, after, before, limit, cursor, include_total } = query;
    let filter = Filter { actor_id, subject_id, action, after, before };
    let position =
        cursor.map(|cursor| state.cursors.decode::<Position>(LIST, &filter, &cursor)).transpose()?;
    let mut db = state.db.read().await?;
    let rows = audit::list(&mut db, &filter, position, limit.probe()).await?;
    let cursor = |last: &Entry| state.cursors.encode(LIST, &filter, &Position::of(last));
    let mut page = Page::cut(rows, limit, cursor)
        .map_err(|error| Problem::new(Code::INTERNAL_ERROR).caused_by(error))?;
    if include_total {
        page.total = Some(audit::count(&mut db, &filter).await?);
    }
    Ok(page)
}
