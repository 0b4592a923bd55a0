//! Rows of the outbox on their way: claimed, sent, tried again, given up.

use std::time::Duration;

use super::outbox::{MailId, Outbox, OutboxError, State};
use crate::base::clock::Timestamp;
use crate::db::{DbError, Session, Tx};

/// A mail whose attempt has begun: the row says so already.
pub(super) struct Claimed {
    pub id: MailId,
    pub created_at: Timestamp,
    pub sealed: Vec<u8>,
    /// This attempt counted.
    pub attempts: i64,
}

/// How much waits to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub queued: u64,
    /// How long the first of it has been waiting.
    pub oldest: Duration,
}

/// What became of an attempt.
pub(super) enum Outcome {
    Sent,
    /// To be tried again.
    Failed(String),
    Dead(String),
}

/// All of them, in a word.
pub(super) const OUTCOMES: [&str; 3] = ["sent", "failed", "dead"];

impl Outcome {
    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed(_) => "failed",
            Self::Dead(_) => "dead",
        }
    }
}

/// How long after the first, second, … failure the next attempt is made, in seconds; the last goes on.
const WAITS: [u32; 6] = [10, 30, 120, 600, 1800, 3600];
/// About four days, as mail servers do among each other.
pub(super) const MAX_ATTEMPTS: i64 = 100;
/// How long the row of a mail that was sent or given up is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long what has expired is left to the worker, which says that it was given up.
const GRACE: Duration = Duration::from_secs(3600);

impl Outbox {
    /// How much waits to be sent. What stays there because nobody sends it counts, too, until it expires.
    pub async fn depth(&self, db: &mut Session) -> Result<Depth, DbError> {
        let (queued, oldest): (i64, Option<Timestamp>) = db
            .query("SELECT count(*), min(created_at) FROM outbox WHERE state = $1")
            .bind(State::Queued)
            .fetch_one()
            .await?;
        let age = oldest.map_or(Duration::ZERO, |at| self.clock.now().since(at));
        Ok(Depth { queued: u64::try_from(queued).unwrap_or_default(), oldest: age })
    }

    /// Whether there is anything to do.
    pub(super) async fn has_work(&self, db: &mut Session) -> Result<bool, DbError> {
        let due: Option<(i64,)> = db
            .query(
                "SELECT attempts FROM outbox
                 WHERE state = $1 AND (next_attempt_at <= $2 OR expires_at <= $2) LIMIT 1",
            )
            .bind(State::Queued)
            .bind(self.clock.now())
            .fetch_optional()
            .await?;
        Ok(due.is_some())
    }

    /// The mail that has been due for longest, its attempt recorded. Should the process end now, it is due
    /// again after `busy` at the earliest.
    pub(super) async fn claim(&self, tx: &mut Tx, busy: Duration) -> Result<Option<Claimed>, DbError> {
        let now = self.clock.now();
        let due: Option<(MailId, Timestamp, Vec<u8>, i64)> = tx
            .query(
                "SELECT id, created_at, sealed, attempts FROM outbox
                 WHERE state = $1 AND next_attempt_at <= $2 AND expires_at > $2 AND sealed IS NOT NULL
                 ORDER BY next_attempt_at, id LIMIT 1",
            )
            .bind(State::Queued)
            .bind(now)
            .fetch_optional()
            .await?;
        let Some((id, created_at, sealed, before)) = due else { return Ok(None) };
        let attempts = before + 1;
        let claimed = tx
            .query(
                "UPDATE outbox SET attempts = $3, next_attempt_at = $4
                 WHERE id = $1 AND state = $2 AND attempts = $5",
            )
            .bind(id)
            .bind(State::Queued)
            .bind(attempts)
            .bind(now.plus(self.wait(attempts).max(busy)))
            .bind(before)
            .execute()
            .await?;
        Ok((claimed > 0).then_some(Claimed { id, created_at, sealed, attempts }))
    }

    /// Writes down what became of an attempt; `false` if the mail is somebody else's by now. What is sent or dead
    /// has no content any more.
    pub(super) async fn settle(
        &self,
        tx: &mut Tx,
        mail: &Claimed,
        outcome: &Outcome,
    ) -> Result<bool, OutboxError> {
        let now = self.clock.now();
        let (state, reason) = match outcome {
            Outcome::Failed(reason) => return Ok(self.put_off(tx, mail, reason).await?),
            Outcome::Sent => (State::Sent, None),
            Outcome::Dead(reason) => (State::Dead, Some(reason.clone())),
        };
        let settled = tx
            .query(
                "UPDATE outbox SET state = $2, sealed = NULL, settled_at = $3, reason = $4
                 WHERE id = $1 AND state = $5",
            )
            .bind(mail.id)
            .bind(state)
            .bind(now)
            .bind(reason)
            .bind(State::Queued)
            .execute()
            .await?;
        Ok(settled > 0)
    }

    async fn put_off(&self, tx: &mut Tx, mail: &Claimed, reason: &str) -> Result<bool, DbError> {
        // An attempt that somebody else has begun meanwhile is theirs to write about.
        tx.query(
            "UPDATE outbox SET next_attempt_at = $2, reason = $3
             WHERE id = $1 AND state = $4 AND attempts = $5",
        )
        .bind(mail.id)
        .bind(self.clock.now().plus(self.wait(mail.attempts)))
        .bind(reason)
        .bind(State::Queued)
        .bind(mail.attempts)
        .execute()
        .await
        .map(|rows| rows > 0)
    }

    /// Gives up what has expired: the links in it are good for nothing. Says which, with their attempts.
    pub(super) async fn bury_expired(&self, tx: &mut Tx) -> Result<Vec<(MailId, i64)>, DbError> {
        tx.query(
            "UPDATE outbox SET state = $1, sealed = NULL, settled_at = $2,
                 reason = coalesce('expired; ' || reason, 'expired')
             WHERE state = $3 AND expires_at <= $2 RETURNING id, attempts",
        )
        .bind(State::Dead)
        .bind(self.clock.now())
        .bind(State::Queued)
        .fetch_all()
        .await
    }

    /// How long to wait after this many attempts, a fifth more or less, so that what failed together
    /// does not come back together.
    fn wait(&self, attempts: i64) -> Duration {
        let step = usize::try_from(attempts - 1).unwrap_or_default().min(WAITS.len() - 1);
        let part = f64::from(u16::from_le_bytes(self.random.bytes())) / f64::from(u16::MAX);
        Duration::from_secs(WAITS.get(step).copied().unwrap_or(3600).into()).mul_f64(0.8 + 0.4 * part)
    }

    /// Deletes what stood for nothing, what was settled a week ago, and what expired where nobody delivers.
    pub async fn purge(&self, tx: &mut Tx) -> Result<u64, DbError> {
        let now = self.clock.now();
        tx.query(
            "DELETE FROM outbox WHERE settled_at <= $1 OR (state = $2 AND expires_at <= $3)
                 OR (state = $4 AND expires_at <= $5)",
        )
        .bind(now.minus(KEPT))
        .bind(State::Void)
        .bind(now)
        .bind(State::Queued)
        .bind(now.minus(GRACE))
        .execute()
        .await
    }
}
