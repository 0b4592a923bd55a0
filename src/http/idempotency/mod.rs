//! Requests that are carried out once, however often they come (`Idempotency-Key`).
//!
//! Key, effect and answer are one transaction: there is no moment in which one is there without the
//! others, and a transaction that fails leaves the key free.

mod answer;
mod once;
mod store;

use std::time::Duration;

use serde::Serialize;

use self::once::Keyed;
use self::store::Kept;
use super::reply::Created;
use super::{Code, Problem};
use crate::base::clock::Clock;
use crate::base::id::UserId;
use crate::base::keyring::{Keyring, NoKey, Tag};
use crate::db::{Db, DbError, Tx};

pub use self::answer::Answer;
pub use self::once::Once;
pub use self::store::purge;

/// How long a request waits for another one with its key.
const PATIENCE: Duration = Duration::from_secs(2);

/// Handle to what has been carried out. Clones share it.
#[derive(Clone)]
pub struct Idempotency {
    db: Db,
    clock: Clock,
    keys: Keyring,
}

/// Why a request with a key is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    #[error("the key was used with another body")]
    Reused,
    #[error("a request with this key is still running")]
    InProgress(#[source] DbError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
    #[error("the answer cannot be written: {0}")]
    Encoding(#[from] serde_json::Error),
}

impl Idempotency {
    /// `keys` are those for lookups, which never change.
    pub fn new(db: Db, clock: Clock, keys: Keyring) -> Self {
        Self { db, clock, keys }
    }

    /// Carries out `effect` in a transaction, once for each key of `user`. Where that was done before,
    /// the answer is the one from then.
    ///
    /// Nothing slow belongs into `effect`, and no other transaction.
    pub async fn once<T: Serialize, E: From<OnceError>>(
        &self,
        once: Once,
        user: UserId,
        effect: impl AsyncFnOnce(&mut Tx) -> Result<Created<T>, E>,
    ) -> Result<Answer, E> {
        let mut tx = self.db.write().await.map_err(OnceError::from)?;
        if let Some(keyed) = &once.0
            && let Some(answer) = self.claim(&mut tx, user, keyed).await?
        {
            return Ok(answer);
        }
        let answer = Answer::of(effect(&mut tx).await?).map_err(OnceError::from)?;
        if let Some(keyed) = &once.0 {
            store::keep(&mut tx, user, keyed, &answer).await.map_err(OnceError::from)?;
        }
        tx.commit().await.map_err(OnceError::from)?;
        Ok(answer)
    }

    /// Takes the key, or finds the answer of who took it before.
    async fn claim(&self, tx: &mut Tx, user: UserId, keyed: &Keyed) -> Result<Option<Answer>, OnceError> {
        let tag = self.tag(keyed)?;
        tx.wait_for_locks(Some(PATIENCE)).await?;
        let claimed = store::claim(tx, user, keyed, &tag, self.clock.now()).await;
        let claimed = claimed.map_err(|error| match error.is_lock_timeout() {
            true => OnceError::InProgress(error),
            false => error.into(),
        })?;
        tx.wait_for_locks(None).await?;
        if claimed {
            return Ok(None);
        }
        let Kept { body_tag, answer } = store::kept(tx, user, keyed).await?;
        if body_tag == tag { Ok(Some(answer)) } else { Err(OnceError::Reused) }
    }

    /// What the body is known by. It may hold a password, and a plain digest could be guessed at.
    fn tag(&self, keyed: &Keyed) -> Result<Tag, NoKey> {
        self.keys.tag(self.keys.newest()?, &[b"idempotency".as_slice(), &keyed.body.get()].concat())
    }
}

impl From<OnceError> for Problem {
    fn from(error: OnceError) -> Self {
        match error {
            OnceError::Reused => Self::new(Code::IDEMPOTENCY_KEY_REUSED),
            OnceError::InProgress(error) => {
                Self::new(Code::IDEMPOTENCY_IN_PROGRESS).retry_after(PATIENCE).caused_by(error)
            }
            OnceError::Database(error) => error.into(),
            error @ (OnceError::NoKey(_) | OnceError::Encoding(_)) => {
                Self::new(Code::INTERNAL_ERROR).caused_by(error)
            }
        }
    }
}
