//! The SQL of many accounts at once.

use std::collections::HashSet;

use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::{Db, DbError, Driver, Session, Tx};
use crate::features::users::model::Account;

/// How many rows one statement reads or writes: databases count what is bound.
pub const ROWS: usize = 1000;

/// Inserts the accounts whose addresses have none, and says which those are; of several with one address,
/// the first.
pub async fn insert_free(tx: &mut Tx, accounts: &[Account]) -> Result<HashSet<UserId>, DbError> {
    let mut inserted = HashSet::new();
    for some in accounts.chunks(ROWS) {
        let mut query = tx.query(
            "INSERT INTO users (id, created_at, updated_at, version, terms_version, email, email_verified,
                password_hash, display_name, locale, status) VALUES ",
        );
        for (at, account) in some.iter().enumerate() {
            query = query.push(if at > 0 { ", ($?" } else { "($?" }).bind(account.base.id);
            query = query.push(", $?").bind(account.base.created_at);
            query = query.push(", $?").bind(account.base.updated_at);
            query = query.push(", $?").bind(account.base.version);
            query = query.push(", $?").bind(account.base.version);
            query = query.push(", $?").bind(&account.email);
            query = query.push(", $?").bind(account.email_verified);
            query = query.push(", $?").bind(&account.password_hash);
            query = query.push(", $?").bind(&account.display_name);
            query = query.push(", $?").bind(account.locale);
            query = query.push(", $?)").bind(account.status);
        }
        let ids: Vec<(UserId,)> = query.push(" ON CONFLICT DO NOTHING RETURNING id").fetch_all().await?;
        inserted.extend(ids.into_iter().map(|(id,)| id));
    }
    Ok(inserted)
}

/// Gives roles to accounts that have none yet; [`DbError::Dangling`] if a role is gone.
pub async fn give_roles(tx: &mut Tx, given: &[(UserId, &str)]) -> Result<(), DbError> {
    for some in given.chunks(ROWS) {
        let mut query = tx.query("INSERT INTO user_roles (user_id, role) VALUES ");
        for (at, (user, role)) in some.iter().enumerate() {
            query = query.push(if at > 0 { ", ($?" } else { "($?" }).bind(*user).push(", $?)").bind(*role);
        }
        query.execute().await?;
    }
    Ok(())
}

/// Those of `emails` that have an account.
pub async fn taken(db: &mut Session, emails: &[&Email]) -> Result<HashSet<Email>, DbError> {
    let mut taken = HashSet::new();
    for some in emails.chunks(ROWS) {
        let query = db.query("SELECT email FROM users WHERE deleted_at IS NULL AND email IN (NULL");
        let query = some.iter().fold(query, |query, email| query.push(", $?").bind(email.as_str()));
        let found: Vec<(Email,)> = query.push(")").fetch_all().await?;
        taken.extend(found.into_iter().map(|(email,)| email));
    }
    Ok(taken)
}

/// The accounts after `after` by id that are not deleted, `limit` at most.
pub async fn page(db: &mut Session, after: Option<UserId>, limit: i64) -> Result<Vec<Account>, DbError> {
    let query = db.query(
        "SELECT id, created_at, updated_at, version, email, email_verified, password_hash, display_name, locale,
            status, last_login_at, deleted_at FROM users WHERE deleted_at IS NULL",
    );
    let query = match after {
        Some(id) => query.push(" AND id > $?").bind(id),
        None => query,
    };
    query.push(" ORDER BY id LIMIT $?").bind(limit).fetch_all().await
}

/// Tells PostgreSQL what the tables hold now. It would notice by itself, but in minutes, and until then read
/// a whole table for a page of it. What SQLite does is fixed by the statements.
pub async fn survey(db: &Db) -> Result<(), DbError> {
    if db.driver() == Driver::Postgres {
        let mut tx = db.write().await?;
        tx.query("ANALYZE users, user_roles, user_terms").execute().await?;
        tx.commit().await?;
    }
    Ok(())
}
