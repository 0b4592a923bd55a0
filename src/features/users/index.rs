//! The index of the terms by which people are found: written with every account, and made anew for those
//! that came from elsewhere.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::model::Account;
use super::search::terms;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::{DbError, Session, Tx};

/// Nobody: for the same work where there is nothing to write.
pub const NOBODY: UserId = UserId(Uuid::nil());

/// How many rows one statement writes: each binds two parameters, and databases count them.
const ROWS: usize = 1000;

/// Makes the terms of `account` those of the account `user`, and no others. Always two statements, which
/// touch nothing where there is nothing to change, or no such account.
pub async fn put(tx: &mut Tx, user: UserId, account: &Account) -> Result<(), DbError> {
    let terms = terms(&account.email, account.display_name.as_deref());
    let delete = tx.query("DELETE FROM user_terms WHERE user_id = $1 AND term NOT IN (''").bind(user);
    let delete = terms.iter().fold(delete, |query, term| query.push(", $?").bind(term.as_str()));
    delete.push(")").execute().await?;
    let mut insert = tx.query(
        "INSERT INTO user_terms (user_id, term) SELECT u.id, t.column1 FROM users u CROSS JOIN (VALUES ",
    );
    for (at, term) in terms.iter().enumerate() {
        insert = insert.push(if at > 0 { ", ($?)" } else { "($?)" }).bind(term.as_str());
    }
    insert.push(") AS t WHERE u.id = $? ON CONFLICT DO NOTHING").bind(user).execute().await.map(drop)
}

/// Whether there is an account whose terms are not those of its present version.
pub async fn is_stale(db: &mut Session) -> Result<bool, DbError> {
    let found: Option<(UserId,)> = db
        .query("SELECT id FROM users WHERE terms_version IS NULL OR terms_version <> version ORDER BY id LIMIT 1")
        .fetch_optional()
        .await?;
    Ok(found.is_some())
}

/// Makes the terms anew of up to `limit` accounts whose terms are not those of their present version: an
/// older program wrote them, or another one. Says how many there were.
///
/// The accounts are locked by the statement that reads them, so nobody changes one in between.
pub async fn refresh(tx: &mut Tx, limit: i64) -> Result<usize, DbError> {
    let rows: Vec<(UserId, Email, Option<String>)> = tx
        .query(
            "UPDATE users SET terms_version = version WHERE id IN (SELECT id FROM users
                WHERE terms_version IS NULL OR terms_version <> version ORDER BY id LIMIT $1)
             RETURNING id, email, display_name",
        )
        .bind(limit)
        .fetch_all()
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let fresh: Vec<(UserId, BTreeSet<String>)> =
        rows.iter().map(|(id, email, name)| (*id, terms(email, name.as_deref()))).collect();
    let fresh: Vec<(UserId, &str)> =
        fresh.iter().flat_map(|(id, terms)| terms.iter().map(|term| (*id, term.as_str()))).collect();
    let users: BTreeSet<UserId> = rows.iter().map(|(id, ..)| *id).collect();
    let delete = tx.query("DELETE FROM user_terms WHERE user_id IN (NULL");
    let delete = users.iter().fold(delete, |query, user| query.push(", $?").bind(*user));
    delete.push(")").execute().await?;
    add(tx, &fresh).await?;
    Ok(rows.len())
}

/// Writes terms of accounts that have none of them yet.
pub async fn add(tx: &mut Tx, terms: &[(UserId, &str)]) -> Result<(), DbError> {
    for some in terms.chunks(ROWS) {
        let mut insert = tx.query("INSERT INTO user_terms (user_id, term) VALUES ");
        for (at, (user, term)) in some.iter().enumerate() {
            let row = if at > 0 { ", ($?" } else { "($?" };
            insert = insert.push(row).bind(*user).push(", $?)").bind(*term);
        }
        insert.execute().await?;
    }
    Ok(())
}
