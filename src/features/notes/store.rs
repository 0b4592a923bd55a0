//! The SQL of notes, beyond what every record can.

use serde::{Deserialize, Serialize};

use super::model::{NoteId, NoteRow};
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::db::{DbError, Query, Session, Tx};

const NOTE: &str = "SELECT id, created_at, updated_at, version, owner_id, title, body FROM notes";

/// Which notes, and in which order.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    pub owner: UserId,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    pub sort: Sort,
}

/// The order of a list of notes.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Sort {
    #[serde(rename = "created_at")]
    CreatedAt,
    #[default]
    #[serde(rename = "-created_at")]
    CreatedAtDescending,
    #[serde(rename = "title")]
    Title,
    #[serde(rename = "-title")]
    TitleDescending,
}

/// The place after which a page begins: what the row before it is sorted by.
#[derive(Serialize, Deserialize)]
pub struct Position {
    created_at: Timestamp,
    title: String,
    id: NoteId,
}

impl Position {
    pub fn of(note: &NoteRow) -> Self {
        Self { created_at: note.base.created_at, title: note.title.clone(), id: note.base.id }
    }
}

/// The notes that match, in order, `limit` at most.
pub async fn list(
    db: &mut Session,
    filter: &Filter,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<NoteRow>, DbError> {
    let query = restrict(db.query(NOTE), filter);
    let query = after.into_iter().fold(query, |query, position| begin_after(query, filter.sort, position));
    query.push(order(filter.sort)).push(" LIMIT $?").bind(limit).fetch_all().await
}

/// How many notes match.
pub async fn count(db: &mut Session, filter: &Filter) -> Result<i64, DbError> {
    let (count,): (i64,) = restrict(db.query("SELECT count(*) FROM notes"), filter).fetch_one().await?;
    Ok(count)
}

/// Finds a note of `owner`, and makes everyone who would change it wait until this transaction is over.
pub async fn hold(tx: &mut Tx, id: NoteId, owner: UserId) -> Result<Option<NoteRow>, DbError> {
    tx.query(
        "UPDATE notes SET version = version WHERE id = $1 AND owner_id = $2
         RETURNING id, created_at, updated_at, version, owner_id, title, body",
    )
    .bind(id)
    .bind(owner)
    .fetch_optional()
    .await
}

fn restrict<'s, A>(query: Query<'s, A>, filter: &Filter) -> Query<'s, A> {
    let mut query = query.push(" WHERE owner_id = $?").bind(filter.owner);
    if let Some(after) = filter.created_after {
        query = query.push(" AND created_at >= $?").bind(after);
    }
    if let Some(before) = filter.created_before {
        query = query.push(" AND created_at < $?").bind(before);
    }
    query
}

/// Keyset: the rows that come after `position` in the order of [`order`].
fn begin_after<'s, A>(query: Query<'s, A>, sort: Sort, position: Position) -> Query<'s, A> {
    let Position { created_at, title, id } = position;
    match sort {
        Sort::CreatedAt => query.push(" AND (created_at, id) > ($?, $?)").bind(created_at),
        Sort::CreatedAtDescending => query.push(" AND (created_at, id) < ($?, $?)").bind(created_at),
        Sort::Title => query.push(" AND (title, id) > ($?, $?)").bind(title),
        Sort::TitleDescending => query.push(" AND (title, id) < ($?, $?)").bind(title),
    }
    .bind(id)
}

fn order(sort: Sort) -> &'static str {
    match sort {
        Sort::CreatedAt => " ORDER BY created_at, id",
        Sort::CreatedAtDescending => " ORDER BY created_at DESC, id DESC",
        Sort::Title => " ORDER BY title, id",
        Sort::TitleDescending => " ORDER BY title DESC, id DESC",
    }
}
