//! The SQL of lists of accounts. Every page is one walk along an index, wherever in the list it lies.

use serde::{Deserialize, Serialize};

use super::model::Account;
use super::search::Prefix;
use super::store::ACCOUNT;
use crate::access::principal::Status;
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::db::{DbError, Query, ReadOnly, Session};

/// What a list of users is restricted to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filter {
    /// Then the order is that of the match: by the term, and the id where two are alike.
    pub q: Option<Prefix>,
    pub status: Option<Status>,
    pub role: Option<String>,
    /// Inclusive.
    pub created_after: Option<Timestamp>,
    /// Exclusive.
    pub created_before: Option<Timestamp>,
    pub sort: Sort,
}

/// The order of a list of users. Missing values come first ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Sort {
    #[serde(rename = "created_at")]
    CreatedAt,
    #[default]
    #[serde(rename = "-created_at")]
    CreatedAtDescending,
    #[serde(rename = "email")]
    Email,
    #[serde(rename = "-email")]
    EmailDescending,
    #[serde(rename = "last_login_at")]
    LastLoginAt,
    #[serde(rename = "-last_login_at")]
    LastLoginAtDescending,
}

/// The place after which a page begins: the sorted value of the last row before it, and its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Position {
    at: Option<Timestamp>,
    /// An address, or the term by which somebody was found.
    text: Option<String>,
    id: UserId,
}

/// An account of a list, and the term by which it was found, if it was searched for.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Found {
    #[sqlx(flatten)]
    pub account: Account,
    term: Option<String>,
}

impl Position {
    pub fn of(found: &Found, filter: &Filter) -> Self {
        let account = &found.account;
        let (at, text) = match filter.sort {
            _ if filter.q.is_some() => (None, found.term.clone()),
            Sort::CreatedAt | Sort::CreatedAtDescending => (Some(account.base.created_at), None),
            Sort::LastLoginAt | Sort::LastLoginAtDescending => (account.last_login_at, None),
            Sort::Email | Sort::EmailDescending => (None, Some(account.email.as_str().to_owned())),
        };
        Self { at, text, id: account.base.id }
    }
}

/// A stretch of a list that is one range of an index.
#[derive(Clone, Copy)]
enum Stretch<'a> {
    Whole,
    /// What comes after, for as long as the sorted value is there, or is missing, as it is here.
    After(&'a Position),
    /// All who have never signed in; and all who have.
    Never,
    Once,
}

/// Along which index a list is walked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    Terms,
    /// For a role of few: no walk in the order of the list would meet them soon.
    Role,
    Order,
}

/// A role that fewer hold is one of few: so many rows are sorted in less time than it takes to meet as
/// many as fill a page among a million others.
const FEW: i64 = 2000;

/// The accounts that match, in order, `limit` at most.
pub async fn page(
    db: &mut Session,
    filter: &Filter,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Found>, DbError> {
    let walk = walk(db, filter).await?;
    let mut found = Vec::new();
    for stretch in stretches(filter, after) {
        let room = limit - i64::try_from(found.len()).unwrap_or(limit);
        if room > 0 {
            found.extend(select(db, filter, walk, stretch, room).fetch_all::<Found>().await?);
        }
    }
    Ok(found)
}

/// How the database finds that page, step by step, in its own words.
pub async fn plan(
    db: &mut Session,
    filter: &Filter,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    let walk = walk(db, filter).await?;
    let mut steps = Vec::new();
    for stretch in stretches(filter, after) {
        steps.extend(select(db, filter, walk, stretch, limit).explain().await?);
    }
    Ok(steps)
}

/// How many accounts match.
pub async fn count(db: &mut Session, filter: &Filter) -> Result<i64, DbError> {
    let walk = walk(db, filter).await?;
    let query = begin(db.query("SELECT count(*)"), filter, walk, Stretch::Whole);
    let (count,): (i64,) = restrict(query, filter, walk, Stretch::Whole).fetch_one().await?;
    Ok(count)
}

async fn walk(db: &mut Session, filter: &Filter) -> Result<Walk, DbError> {
    let role = match (&filter.q, &filter.role) {
        (Some(_), _) => return Ok(Walk::Terms),
        (None, None) => return Ok(Walk::Order),
        (None, Some(role)) => role,
    };
    let (holders,): (i64,) = db
        .query("SELECT count(*) FROM (SELECT user_id FROM user_roles WHERE role = $1 LIMIT $2) AS holders")
        .bind(role)
        .bind(FEW)
        .fetch_one()
        .await?;
    Ok(if holders < FEW { Walk::Role } else { Walk::Order })
}

/// Where times of a sign-in may be missing, a page may begin among those and end among the others.
fn stretches<'a>(filter: &Filter, after: Option<&'a Position>) -> Vec<Stretch<'a>> {
    let Some(position) = after else { return vec![Stretch::Whole] };
    match (filter.sort, position.at) {
        (Sort::LastLoginAt, None) => vec![Stretch::After(position), Stretch::Once],
        (Sort::LastLoginAtDescending, Some(_)) => vec![Stretch::After(position), Stretch::Never],
        _ => vec![Stretch::After(position)],
    }
}

fn select<'s>(
    db: &'s mut Session,
    filter: &Filter,
    walk: Walk,
    stretch: Stretch<'_>,
    limit: i64,
) -> Query<'s, ReadOnly> {
    let term = if walk == Walk::Terms { ", t.term" } else { ", CAST(NULL AS text) AS term" };
    let query = begin(db.query(ACCOUNT).push(term), filter, walk, stretch);
    let query = restrict(query, filter, walk, stretch);
    let query = match stretch {
        Stretch::Whole => query,
        Stretch::After(position) => after(query, filter, position),
        Stretch::Never => query.push(" AND u.last_login_at IS NULL"),
        // As a range: "is not null" is none to SQLite.
        Stretch::Once => query.push(" AND u.last_login_at >= $?").bind(Timestamp::EPOCH),
    };
    query.push(order(filter)).push(" LIMIT $?").bind(limit)
}

/// The tables, in the order in which they are read: SQLite takes the word of a `CROSS JOIN` for it.
fn begin<'s, A>(query: Query<'s, A>, filter: &Filter, walk: Walk, stretch: Stretch<'_>) -> Query<'s, A> {
    match (walk, &filter.q) {
        (Walk::Terms, Some(prefix)) => {
            let query = query.push(" FROM user_terms t CROSS JOIN users u WHERE u.id = t.user_id");
            matching(query, prefix, stretch)
        }
        (Walk::Role, _) => query.push(" FROM user_roles h CROSS JOIN users u WHERE u.id = h.user_id"),
        _ => query.push(" FROM users u WHERE 1 = 1"),
    }
}

/// The terms that begin with `prefix`; of one person's, the first.
fn matching<'s, A>(query: Query<'s, A>, prefix: &Prefix, stretch: Stretch<'_>) -> Query<'s, A> {
    let query = match stretch {
        // Two lower bounds, and SQLite might begin at the lower.
        Stretch::After(_) => query,
        _ => query.push(" AND t.term >= $?").bind(prefix.from()),
    };
    let query = match prefix.to() {
        Some(to) => query.push(" AND t.term < $?").bind(to),
        None => query,
    };
    query
        .push(
            " AND NOT EXISTS (SELECT 1 FROM user_terms s WHERE s.user_id = t.user_id AND s.term < t.term
                AND s.term >= $?)",
        )
        .bind(prefix.from())
}

/// Deleted accounts show only to those who ask for them.
fn restrict<'s, A>(query: Query<'s, A>, filter: &Filter, walk: Walk, stretch: Stretch<'_>) -> Query<'s, A> {
    let by_creation = matches!(filter.sort, Sort::CreatedAt | Sort::CreatedAtDescending);
    let mut query = match filter.status {
        Some(Status::Deleted) => query.push(" AND u.deleted_at IS NOT NULL"),
        Some(status) if by_creation && walk == Walk::Order => {
            // The condition of the index of statuses, which is no help in another order.
            query.push(" AND u.deleted_at IS NULL AND u.version > 0 AND u.status = $?").bind(status)
        }
        Some(status) => query.push(" AND u.deleted_at IS NULL AND u.status = $?").bind(status),
        None => query.push(" AND u.deleted_at IS NULL"),
    };
    if let Some(role) = &filter.role {
        query = match walk {
            Walk::Role => query.push(" AND h.role = $?").bind(role),
            _ => query
                .push(" AND EXISTS (SELECT 1 FROM user_roles r WHERE r.user_id = u.id AND r.role = $?)")
                .bind(role),
        };
    }
    // Where the page before ended lies within the bounds: one bound is enough on that side.
    let goes_on = matches!(stretch, Stretch::After(_)) && filter.q.is_none();
    if let Some(after) = filter.created_after.filter(|_| !(goes_on && filter.sort == Sort::CreatedAt)) {
        query = query.push(" AND u.created_at >= $?").bind(after);
    }
    let descends = filter.sort == Sort::CreatedAtDescending;
    if let Some(before) = filter.created_before.filter(|_| !(goes_on && descends)) {
        query = query.push(" AND u.created_at < $?").bind(before);
    }
    query
}

/// Keyset: the rows that come after `position` in the order of [`order`].
fn after<'s, A>(query: Query<'s, A>, filter: &Filter, position: &Position) -> Query<'s, A> {
    let Position { at, text, id } = position;
    if filter.q.is_some() {
        return query.push(" AND (t.term, t.user_id) > ($?").bind(text).push(", $?)").bind(*id);
    }
    let query = match (filter.sort, at) {
        (Sort::CreatedAt, _) => query.push(" AND (u.created_at, u.id) > ($?").bind(*at),
        (Sort::CreatedAtDescending, _) => query.push(" AND (u.created_at, u.id) < ($?").bind(*at),
        (Sort::Email, _) => query.push(" AND (u.email, u.id) > ($?").bind(text),
        (Sort::EmailDescending, _) => query.push(" AND (u.email, u.id) < ($?").bind(text),
        (Sort::LastLoginAt, Some(at)) => query.push(" AND (u.last_login_at, u.id) > ($?").bind(*at),
        (Sort::LastLoginAtDescending, Some(at)) => query.push(" AND (u.last_login_at, u.id) < ($?").bind(*at),
        (Sort::LastLoginAt, None) => {
            return query.push(" AND u.last_login_at IS NULL AND u.id > $?").bind(*id);
        }
        (Sort::LastLoginAtDescending, None) => {
            return query.push(" AND u.last_login_at IS NULL AND u.id < $?").bind(*id);
        }
    };
    query.push(", $?)").bind(*id)
}

fn order(filter: &Filter) -> &'static str {
    match filter.sort {
        _ if filter.q.is_some() => " ORDER BY t.term, t.user_id",
        Sort::CreatedAt => " ORDER BY u.created_at, u.id",
        Sort::CreatedAtDescending => " ORDER BY u.created_at DESC, u.id DESC",
        Sort::Email => " ORDER BY u.email, u.id",
        Sort::EmailDescending => " ORDER BY u.email DESC, u.id DESC",
        Sort::LastLoginAt => " ORDER BY u.last_login_at NULLS FIRST, u.id",
        Sort::LastLoginAtDescending => " ORDER BY u.last_login_at DESC NULLS LAST, u.id DESC",
    }
}
