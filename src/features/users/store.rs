//! The SQL of accounts and of who has which role.

use std::collections::{BTreeSet, HashMap};

use super::index::{self, NOBODY};
use super::model::{Account, PasswordHash, Person};
use crate::access::permission::ADMIN;
use crate::access::principal::Status;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::record::Record;
use crate::db::{Change, DbError, Session, Tx};

/// Selects what an [`Account`] holds, of `users u`.
pub const ACCOUNT: &str = "SELECT u.id, u.created_at, u.updated_at, u.version, u.email, u.email_verified, u.password_hash, \
     u.display_name, u.locale, u.status, u.last_login_at, u.deleted_at";

/// The account of an address, if one is not deleted.
pub async fn find_by_email(db: &mut Session, email: &Email) -> Result<Option<Account>, DbError> {
    let query = db.query(ACCOUNT).push(" FROM users u WHERE email = $? AND deleted_at IS NULL");
    query.bind(email).fetch_optional().await
}

/// The deleted accounts that had an address.
pub async fn deleted(db: &mut Session, email: &Email) -> Result<Vec<Account>, DbError> {
    let query = db.query(ACCOUNT).push(" FROM users u WHERE email = $? AND deleted_at IS NOT NULL");
    query.bind(email).push(" ORDER BY deleted_at, id").fetch_all().await
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
    admins(db, Status::Active).await
}

/// How many accounts with this status hold the role `admin`.
pub async fn admins(db: &mut Session, status: Status) -> Result<i64, DbError> {
    let (count,): (i64,) = db
        .query(
            "SELECT count(*) FROM user_roles r JOIN users u ON u.id = r.user_id
             WHERE r.role = $1 AND u.status = $2 AND u.deleted_at IS NULL",
        )
        .bind(ADMIN)
        .bind(status)
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

/// Writes what was changed of an account that was read since it was locked, and raises its version; the
/// terms by which it is found go with it. The time of the last sign-in is not written: it belongs to
/// [`note_login`], which raises no version.
pub async fn save(tx: &mut Tx, account: &mut Account, now: Timestamp) -> Result<(), DbError> {
    let written = tx
        .query(
            "UPDATE users SET updated_at = $1, version = version + 1, terms_version = version + 1, email = $2,
                email_verified = $3, password_hash = $4, display_name = $5, locale = $6, status = $7, deleted_at = $8
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
    index::put(tx, account.base.id, account).await
}

/// Inserts an account, and the terms by which it is found, if its address has none; says whether. The
/// same statements either way.
pub async fn insert_if_free(tx: &mut Tx, account: &Account) -> Result<bool, DbError> {
    let inserted = tx
        .query(
            "INSERT INTO users (id, created_at, updated_at, version, terms_version, email, email_verified,
                password_hash, display_name, locale, status)
             VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
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
    index::put(tx, account.base.id, account).await?;
    Ok(inserted > 0)
}

/// Puts what somebody registered with in the place of what was registered before, if `id` is an account
/// that still waits for its address to be verified and was not invited; says whether.
pub async fn register_again(tx: &mut Tx, id: UserId, new: &Account, now: Timestamp) -> Result<bool, DbError> {
    let written = tx
        .query(
            "UPDATE users SET updated_at = $1, version = version + 1, terms_version = version + 1,
                password_hash = $2, display_name = $3, locale = $4
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
    index::put(tx, if written > 0 { id } else { NOBODY }, new).await?;
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
