//! The SQL of accounts and of who has which role.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::model::{Account, PasswordHash, Person};
use crate::access::permission::ADMIN;
use crate::access::principal::Status;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::record::Record;
use crate::db::{Change, DbError, Query, Session, Tx};

const ACCOUNT: &str = "SELECT id, created_at, updated_at, version, email, email_verified, password_hash, \
                       display_name, locale, status, last_login_at, deleted_at FROM users u";

/// The account of an address, if one is not deleted.
pub async fn find_by_email(db: &mut Session, email: &Email) -> Result<Option<Account>, DbError> {
    db.query(ACCOUNT).push(" WHERE email = $? AND deleted_at IS NULL").bind(email).fetch_optional().await
}

/// An account that is not deleted, with its roles.
pub async fn find(db: &mut Session, id: UserId) -> Result<Option<Person>, DbError> {
    let account = Account::find(db, id).await?.filter(|account| account.deleted_at.is_none());
    let Some(account) = account else { return Ok(None) };
    let roles = roles_of(db, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(Some(Person { account, roles }))
}

/// The roles of each of `users`.
pub async fn roles_of(
    db: &mut Session,
    users: &[UserId],
) -> Result<HashMap<UserId, BTreeSet<String>>, DbError> {
    let mut query = db.query("SELECT user_id, role FROM user_roles WHERE user_id IN (NULL");
    for user in users {
        query = query.push(", $?").bind(*user);
    }
    let rows: Vec<(UserId, String)> = query.push(")").fetch_all().await?;
    let mut roles: HashMap<_, BTreeSet<_>> = HashMap::new();
    for (user, role) in rows {
        roles.entry(user).or_default().insert(role);
    }
    Ok(roles)
}

pub async fn add_role(tx: &mut Tx, user: UserId, role: &str) -> Result<(), DbError> {
    tx.query("INSERT INTO user_roles (user_id, role) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(user)
        .bind(role)
        .execute()
        .await
        .map(drop)
}

/// Takes all roles from an account.
pub async fn take_roles(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.announce(Change::User(user));
    tx.query("DELETE FROM user_roles WHERE user_id = $1").bind(user).execute().await.map(drop)
}

/// How many active accounts hold the role `admin`.
pub async fn active_admins(db: &mut Session) -> Result<i64, DbError> {
    let (count,): (i64,) = db
        .query(
            "SELECT count(*) FROM user_roles r JOIN users u ON u.id = r.user_id
             WHERE r.role = $1 AND u.status = $2 AND u.deleted_at IS NULL",
        )
        .bind(ADMIN)
        .bind(Status::Active)
        .fetch_one()
        .await?;
    Ok(count)
}

/// Makes everyone who takes an admin away wait for each other, so that two cannot take the last two.
pub async fn lock_admins(tx: &mut Tx) -> Result<(), DbError> {
    tx.query("UPDATE roles SET built_in = built_in WHERE name = $1").bind(ADMIN).execute().await.map(drop)
}

/// Makes everyone who settles something of this account wait for each other. Whoever uses up or voids
/// its mailed tokens takes this first: then no two hold what the other waits for.
pub async fn lock(tx: &mut Tx, id: UserId) -> Result<(), DbError> {
    tx.query("UPDATE users SET version = version WHERE id = $1").bind(id).execute().await.map(drop)
}

/// Writes what was changed of an account that was read since it was locked, and raises its version. The
/// time of the last sign-in is not written: it belongs to [`note_login`], which raises no version.
pub async fn save(tx: &mut Tx, account: &mut Account, now: Timestamp) -> Result<(), DbError> {
    let written = tx
        .query(
            "UPDATE users SET updated_at = $1, version = version + 1, email = $2, email_verified = $3,
                password_hash = $4, display_name = $5, locale = $6, status = $7, deleted_at = $8
             WHERE id = $9 AND version = $10",
        )
        .bind(now)
        .bind(&account.email)
        .bind(account.email_verified)
        .bind(&account.password_hash)
        .bind(&account.display_name)
        .bind(account.locale)
        .bind(account.status)
        .bind(account.deleted_at)
        .bind(account.base.id)
        .bind(account.base.version)
        .execute()
        .await?;
    if written == 0 {
        return Err(DbError::Stale);
    }
    account.base.updated_at = now;
    account.base.version += 1;
    Ok(())
}

/// Inserts an account if its address has none; says whether.
pub async fn insert_if_free(tx: &mut Tx, account: &Account) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO users (id, created_at, updated_at, version, email, email_verified, password_hash,
                display_name, locale, status)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind(account.base.id)
        .bind(account.base.created_at)
        .bind(account.base.updated_at)
        .bind(account.base.version)
        .bind(&account.email)
        .bind(account.email_verified)
        .bind(&account.password_hash)
        .bind(&account.display_name)
        .bind(account.locale)
        .bind(account.status)
        .execute()
        .await?;
    Ok(inserted > 0)
}

/// Puts what somebody registered with in the place of what was registered before, if `id` is an account
/// that still waits for its address to be verified and was not invited; says whether.
pub async fn register_again(tx: &mut Tx, id: UserId, new: &Account, now: Timestamp) -> Result<bool, DbError> {
    let written = tx
        .query(
            "UPDATE users SET updated_at = $1, version = version + 1, password_hash = $2, display_name = $3,
                locale = $4
             WHERE id = $5 AND status = $6 AND password_hash IS NOT NULL AND deleted_at IS NULL",
        )
        .bind(now)
        .bind(&new.password_hash)
        .bind(&new.display_name)
        .bind(new.locale)
        .bind(id)
        .bind(Status::Pending)
        .execute()
        .await?;
    Ok(written > 0)
}

/// Notes a sign-in and, if `rehashed`, a better hash; only if hash and status are still those that
/// were checked. It locks the row, so a reset that comes later finds the new session.
pub async fn note_login(
    tx: &mut Tx,
    id: UserId,
    checked: &PasswordHash,
    rehashed: Option<&PasswordHash>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let noted = tx
        .query(
            "UPDATE users SET last_login_at = $1, password_hash = $2
             WHERE id = $3 AND password_hash = $4 AND status = $5 AND deleted_at IS NULL",
        )
        .bind(now)
        .bind(rehashed.unwrap_or(checked))
        .bind(id)
        .bind(checked)
        .bind(Status::Active)
        .execute()
        .await?;
    Ok(noted > 0)
}

/// What a list of users is restricted to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filter {
    pub status: Option<Status>,
    pub role: Option<String>,
    pub created_after: Option<Timestamp>,
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
    email: Option<Email>,
    id: UserId,
}

impl Position {
    pub fn of(account: &Account, sort: Sort) -> Self {
        let (at, email) = match sort {
            Sort::CreatedAt | Sort::CreatedAtDescending => (Some(account.base.created_at), None),
            Sort::LastLoginAt | Sort::LastLoginAtDescending => (account.last_login_at, None),
            Sort::Email | Sort::EmailDescending => (None, Some(account.email.clone())),
        };
        Self { at, email, id: account.base.id }
    }
}

/// The accounts that match, in order, `limit` at most.
pub async fn list(
    db: &mut Session,
    filter: &Filter,
    after: Option<&Position>,
    limit: i64,
) -> Result<Vec<Account>, DbError> {
    let query = restrict(db.query(ACCOUNT), filter);
    let query = after.into_iter().fold(query, |query, position| begin_after(query, filter.sort, position));
    query.push(order(filter.sort)).push(" LIMIT $?").bind(limit).fetch_all().await
}

/// How many accounts match.
pub async fn count(db: &mut Session, filter: &Filter) -> Result<i64, DbError> {
    let (count,): (i64,) = restrict(db.query("SELECT count(*) FROM users u"), filter).fetch_one().await?;
    Ok(count)
}

/// Deleted accounts show only to those who ask for them.
fn restrict<'s, A>(query: Query<'s, A>, filter: &Filter) -> Query<'s, A> {
    let mut query = match filter.status {
        Some(Status::Deleted) => query.push(" WHERE u.deleted_at IS NOT NULL"),
        Some(status) => query.push(" WHERE u.deleted_at IS NULL AND u.status = $?").bind(status),
        None => query.push(" WHERE u.deleted_at IS NULL"),
    };
    if let Some(role) = &filter.role {
        let holds = " AND EXISTS (SELECT 1 FROM user_roles r WHERE r.user_id = u.id AND r.role = $?)";
        query = query.push(holds).bind(role);
    }
    if let Some(after) = filter.created_after {
        query = query.push(" AND u.created_at >= $?").bind(after);
    }
    if let Some(before) = filter.created_before {
        query = query.push(" AND u.created_at < $?").bind(before);
    }
    query
}

/// Keyset: the rows that come after `position` in the order of [`order`].
fn begin_after<'s, A>(query: Query<'s, A>, sort: Sort, position: &Position) -> Query<'s, A> {
    let Position { at, email, id } = position;
    match (sort, at) {
        (Sort::CreatedAt, at) => query.push(" AND (created_at, id) > ($?").bind(*at).push(", $?)").bind(*id),
        (Sort::CreatedAtDescending, at) => {
            query.push(" AND (created_at, id) < ($?").bind(*at).push(", $?)").bind(*id)
        }
        (Sort::Email, _) => query.push(" AND (email, id) > ($?").bind(email).push(", $?)").bind(*id),
        (Sort::EmailDescending, _) => {
            query.push(" AND (email, id) < ($?").bind(email).push(", $?)").bind(*id)
        }
        (Sort::LastLoginAt, Some(at)) => {
            query.push(" AND (last_login_at, id) > ($?").bind(*at).push(", $?)").bind(*id)
        }
        (Sort::LastLoginAt, None) => query.push(" AND (last_login_at IS NOT NULL OR id > $?)").bind(*id),
        (Sort::LastLoginAtDescending, Some(at)) => {
            let query = query.push(" AND (last_login_at IS NULL OR (last_login_at, id) < ($?").bind(*at);
            query.push(", $?))").bind(*id)
        }
        (Sort::LastLoginAtDescending, None) => query.push(" AND last_login_at IS NULL AND id < $?").bind(*id),
    }
}

fn order(sort: Sort) -> &'static str {
    match sort {
        Sort::CreatedAt => " ORDER BY created_at, id",
        Sort::CreatedAtDescending => " ORDER BY created_at DESC, id DESC",
        Sort::Email => " ORDER BY email, id",
        Sort::EmailDescending => " ORDER BY email DESC, id DESC",
        Sort::LastLoginAt => " ORDER BY last_login_at NULLS FIRST, id",
        Sort::LastLoginAtDescending => " ORDER BY last_login_at DESC NULLS LAST, id DESC",
    }
}
