//! What the audit log has: a list by filter, and what concerns one account.

use serde::Serialize;

use super::action::Action;
use super::entry::{Entry, Position};
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::db::{DbError, Query, ReadOnly, Session};

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
