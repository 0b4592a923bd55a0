//! The outbox: encrypted rows, written with their cause and read by whoever sends them.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::letter::{Letter, Rendered};
use crate::base::clock::{Clock, Timestamp};
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::base::keyring::{Keyring, NoKey};
use crate::base::language::Language;
use crate::base::random::Random;
use crate::db::{DbError, Session, Tx};

crate::id_type!(
    /// A mail in the outbox.
    MailId
);

/// A letter and whom it goes to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mail {
    pub to: Email,
    pub language: Language,
    #[serde(flatten)]
    pub letter: Letter,
}

/// A mail as the dev mailbox shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Posted {
    pub id: MailId,
    pub to: Email,
    pub created_at: Timestamp,
    #[serde(flatten)]
    pub content: Rendered,
}

/// Why a mail could not be queued or read.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
    #[error("the mail cannot be written: {0}")]
    Encoding(#[from] serde_json::Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(super) enum State {
    Queued,
    /// Handed over; its content is erased.
    Sent,
    /// Given up, with a reason; its content is erased.
    Dead,
    /// Stands for a mail that is not sent, so that its cause takes as long as any other.
    Void,
}

/// Handle to the outbox. Clones share it.
#[derive(Clone)]
pub struct Outbox {
    keys: Keyring,
    pub(super) clock: Clock,
    pub(super) random: Random,
    service: Arc<str>,
    link_base: Arc<str>,
}

/// What the encryption of a row is bound to.
const CONTEXT: &[u8] = b"outbox";
/// A sealed letter is padded to a multiple of this: its length says nothing of its content.
const PADDING: usize = 512;

impl Outbox {
    /// `link_base` is where links begin: configured, never taken from a request.
    pub fn new(keys: Keyring, clock: Clock, random: Random, service: &str, link_base: &str) -> Self {
        Self {
            keys,
            clock,
            random,
            service: service.into(),
            link_base: link_base.trim_end_matches('/').into(),
        }
    }

    /// What the button of `letter` opens, for whoever hands it over without a mail.
    pub fn link(&self, letter: &Letter) -> Option<String> {
        letter.link(&self.link_base)
    }

    /// Queues a mail about the account `subject` in the transaction that is its cause. It is not sent any
    /// more once its letter's life is over, and goes when the account does.
    pub async fn queue(&self, tx: &mut Tx, subject: UserId, mail: &Mail) -> Result<(), OutboxError> {
        let plain = serde_json::to_vec(mail)?;
        self.insert(tx, Some(subject), plain, State::Queued, mail.letter.life()).await
    }

    /// Does the work of [`Outbox::queue`] where nobody is to be written to.
    pub async fn queue_nothing(&self, tx: &mut Tx) -> Result<(), OutboxError> {
        self.insert(tx, None, Vec::new(), State::Void, Duration::ZERO).await
    }

    async fn insert(
        &self,
        tx: &mut Tx,
        subject: Option<UserId>,
        mut plain: Vec<u8>,
        state: State,
        life: Duration,
    ) -> Result<(), OutboxError> {
        // JSON may end in blanks.
        plain.resize(plain.len().max(1).next_multiple_of(PADDING), b' ');
        let sealed = self.keys.seal(&self.random, CONTEXT, &plain)?;
        let (now, id) = (self.clock.now(), MailId::fresh(&self.clock, &self.random));
        // By this id the trace of a request leads to that of its mail.
        let span = tracing::trace_span!("queue mail", mail = %id);
        tx.query(
            "INSERT INTO outbox (id, sealed, state, attempts, created_at, next_attempt_at, expires_at, subject_id)
             VALUES ($1, $2, $3, 0, $4, $4, $5, $6)",
        )
        .bind(id)
        .bind(sealed)
        .bind(state)
        .bind(now)
        .bind(now.plus(life))
        .bind(subject)
        .execute()
        .instrument(span)
        .await?;
        Ok(())
    }

    /// The newest mails that have not expired, newest first.
    pub async fn newest(&self, session: &mut Session, limit: i64) -> Result<Vec<Posted>, OutboxError> {
        let rows: Vec<(MailId, Timestamp, Vec<u8>)> = session
            .query(
                "SELECT id, created_at, sealed FROM outbox
                 WHERE state = $1 AND expires_at > $2 AND sealed IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT $3",
            )
            .bind(State::Queued)
            .bind(self.clock.now())
            .bind(limit)
            .fetch_all()
            .await?;
        Ok(rows.into_iter().filter_map(|(id, at, sealed)| self.open(id, at, &sealed)).collect())
    }

    /// A mail that has not expired and not left.
    pub async fn find(&self, session: &mut Session, id: MailId) -> Result<Option<Posted>, OutboxError> {
        let row: Option<(Timestamp, Vec<u8>)> = session
            .query(
                "SELECT created_at, sealed FROM outbox
                 WHERE id = $1 AND state = $2 AND expires_at > $3 AND sealed IS NOT NULL",
            )
            .bind(id)
            .bind(State::Queued)
            .bind(self.clock.now())
            .fetch_optional()
            .await?;
        Ok(row.and_then(|(at, sealed)| self.open(id, at, &sealed)))
    }

    /// `None` for a row whose key is gone: it cannot be read any more by anyone.
    pub(super) fn unseal(&self, sealed: &[u8]) -> Option<Mail> {
        serde_json::from_slice(&self.keys.open(CONTEXT, sealed).ok()?).ok()
    }

    /// The same, as its reader sees it.
    pub(super) fn open(&self, id: MailId, created_at: Timestamp, sealed: &[u8]) -> Option<Posted> {
        let mail = self.unseal(sealed)?;
        let content = mail.letter.render(mail.language, &self.service, &self.link_base);
        Some(Posted { id, to: mail.to, created_at, content })
    }
}
