//! Budgets for guesses at a secret: rows, so that they hold across replicas and restarts.
//!
//! A unit is reserved before the secret is checked, in its own committed statement, and given back
//! only by a secret that was right. So a hundred guesses sent at once find the same ten units as a hundred in a row.

use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::keyring::Tag;
use crate::db::{DbError, Tx};

/// How much a budget allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In one window.
    pub units: i64,
    pub window: Duration,
    /// Without success, ever.
    pub consecutive: i64,
}

/// Guesses at a password. The hundred in a row are NIST's (SP 800-63B §3.2.2): a right password, or a
/// reset through the mailbox, opens the account's budget again.
pub const GUESSES: Limits = Limits { units: 10, window: Duration::from_secs(15 * 60), consecutive: 100 };
/// Mails that anyone can have sent to one address; and, apart from these, notices to the owner of an
/// address of what was done with the account's own password.
pub const MAILS: Limits = Limits { units: 3, window: Duration::from_secs(3600), consecutive: i64::MAX };
/// How long a caller is asked to stay away once that limit is reached.
const CLOSED: Duration = Duration::from_secs(3600);
/// A unit that is undecided for longer belongs to a process that died.
const DECIDED_WITHIN: Duration = Duration::from_secs(10);

/// What came of asking for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    Granted(Unit),
    /// All units are taken, but some are still being checked: one may come back in a moment.
    Undecided,
    Refused {
        retry_after: Duration,
    },
}

/// A unit that was taken. It goes back to its own window only: the next is full again without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// The end of the window.
    pub until: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Budget {
    used: i64,
    undecided: i64,
    consecutive: i64,
    reserved_at: Timestamp,
    resets_at: Timestamp,
}

/// Takes one unit from the budget of `key`. The caller commits before it checks the secret.
pub async fn reserve(tx: &mut Tx, key: &Tag, limits: Limits, now: Timestamp) -> Result<Reservation, DbError> {
    if let Some(unit) = draw(tx, key, limits, now).await? {
        return Ok(Reservation::Granted(unit));
    }
    let budget: Budget = tx
        .query("SELECT used, undecided, consecutive, reserved_at, resets_at FROM throttles WHERE key = $1")
        .bind(key.as_slice())
        .fetch_one()
        .await?;
    Ok(refusal(&budget, limits, now))
}

/// Takes one unit, if there is one left. One statement either way; and whether there is or not, whoever
/// else wants one of the same budget waits until this transaction is over.
pub async fn take(tx: &mut Tx, key: &Tag, limits: Limits, now: Timestamp) -> Result<bool, DbError> {
    Ok(draw(tx, key, limits, now).await?.is_some())
}

async fn draw(tx: &mut Tx, key: &Tag, limits: Limits, now: Timestamp) -> Result<Option<Unit>, DbError> {
    let taken: Option<(Timestamp,)> = tx
        .query(
            "INSERT INTO throttles (key, used, undecided, consecutive, reserved_at, resets_at)
             VALUES ($1, 1, 1, 0, $2, $3)
             ON CONFLICT (key) DO UPDATE SET
                used = CASE WHEN throttles.resets_at <= $2 THEN 1 ELSE throttles.used + 1 END,
                undecided = CASE WHEN throttles.resets_at <= $2 THEN 1 ELSE throttles.undecided + 1 END,
                resets_at = CASE WHEN throttles.resets_at <= $2 THEN $3 ELSE throttles.resets_at END,
                reserved_at = $2
             WHERE (throttles.resets_at <= $2 OR throttles.used < $4)
                AND throttles.consecutive + throttles.undecided < $5
             RETURNING resets_at",
        )
        .bind(key.as_slice())
        .bind(now)
        .bind(now.plus(limits.window))
        .bind(limits.units)
        .bind(limits.consecutive)
        .fetch_optional()
        .await?;
    Ok(taken.map(|(until,)| Unit { until }))
}

fn refusal(budget: &Budget, limits: Limits, now: Timestamp) -> Reservation {
    if budget.undecided > 0 && now.since(budget.reserved_at) < DECIDED_WITHIN {
        return Reservation::Undecided;
    }
    let closed = budget.consecutive >= limits.consecutive && budget.used < limits.units;
    Reservation::Refused { retry_after: if closed { CLOSED } else { budget.resets_at.since(now) } }
}

/// The guess was wrong: its unit stays taken.
pub async fn confirm(tx: &mut Tx, key: &Tag) -> Result<(), DbError> {
    tx.query(
        "UPDATE throttles SET consecutive = consecutive + 1,
            undecided = CASE WHEN undecided > 0 THEN undecided - 1 ELSE 0 END
         WHERE key = $1",
    )
    .bind(key.as_slice())
    .execute()
    .await
    .map(drop)
}

/// The guess was right: its unit comes back and the count of wrong ones in a row starts again.
pub async fn give_back(tx: &mut Tx, key: &Tag, unit: Unit) -> Result<(), DbError> {
    tx.query(
        "UPDATE throttles SET consecutive = 0,
            used = CASE WHEN used > 0 AND resets_at = $2 THEN used - 1 ELSE used END,
            undecided = CASE WHEN undecided > 0 AND resets_at = $2 THEN undecided - 1 ELSE undecided END
         WHERE key = $1",
    )
    .bind(key.as_slice())
    .bind(unit.until)
    .execute()
    .await
    .map(drop)
}

/// The owner has chosen a new password by the mailbox: what was guessed at the old one counts no more.
pub async fn reopen(tx: &mut Tx, key: &Tag) -> Result<(), DbError> {
    tx.query("UPDATE throttles SET consecutive = 0, used = 0 WHERE key = $1")
        .bind(key.as_slice())
        .execute()
        .await
        .map(drop)
}

/// The owner has shown up by another way: wrong guesses in a row are counted afresh.
pub async fn vouch(tx: &mut Tx, key: &Tag) -> Result<(), DbError> {
    tx.query("UPDATE throttles SET consecutive = 0 WHERE key = $1")
        .bind(key.as_slice())
        .execute()
        .await
        .map(drop)
}

/// Deletes a budget: the next who asks for a unit finds it full.
pub async fn forget(tx: &mut Tx, key: &Tag) -> Result<(), DbError> {
    tx.query("DELETE FROM throttles WHERE key = $1").bind(key.as_slice()).execute().await.map(drop)
}

/// Deletes budgets that have long been full again. One closed for good stays for thirty days.
pub async fn purge(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.query("DELETE FROM throttles WHERE (resets_at < $1 AND consecutive = 0) OR reserved_at < $2")
        .bind(now)
        .bind(now.minus(Duration::from_secs(30 * 24 * 3600)))
        .execute()
        .await
}
