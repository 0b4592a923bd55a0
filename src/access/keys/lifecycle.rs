//! What operators do with keys: look, rotate, revoke, wrap anew.

use serde::Serialize;

use super::ring::{self, KeyError, kid};
use super::schedule::{self, LEAD, Lives, State};
use super::store::{self, Purpose, Row};
use super::wrapping::Wrapping;
use crate::access::audit::{Action, Audit};
use crate::access::origin::Origin;
use crate::access::sessions;
use crate::base::clock::{Clock, Timestamp};
use crate::base::keyring::KeyId;
use crate::base::random::Random;
use crate::base::secret::SecretKey;
use crate::config::Auth;
use crate::db::{Change, Db, DbError, Tx};

/// Changes the keys in the database; every replica hears of it.
pub struct Lifecycle {
    db: Db,
    clock: Clock,
    random: Random,
    audit: Audit,
    wrapping: Wrapping,
    lives: Lives,
}

/// A key, without the key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyInfo {
    pub kid: String,
    pub purpose: Purpose,
    pub state: State,
    pub created_at: Timestamp,
    /// From when it makes what it is for.
    pub signs_at: Timestamp,
    /// When nothing that it made is valid any more, if another has taken its place.
    pub retires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// What came of a revocation.
#[derive(Clone, Debug, Serialize)]
pub struct Revoked {
    pub revoked: KeyInfo,
    /// The key that makes things now in its place, if it was the one that did.
    pub replacement: Option<KeyInfo>,
}

/// Why the keys stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(
        "keys for lookups stay: rows are found by tags that were made with them, and nobody could find \
         them again under another key"
    )]
    Lookup,
    #[error("there is a new key already, `{kid}`: it is published, and in use from {signs_at}")]
    Published { kid: String, signs_at: Timestamp },
    #[error("there is no key `{0}`; `stead keys list` shows all")]
    Unknown(String),
    #[error("the key `{kid}` was revoked before, at {at}")]
    RevokedBefore { kid: String, at: Timestamp },
}

impl From<DbError> for ChangeError {
    fn from(error: DbError) -> Self {
        Self::Keys(error.into())
    }
}

impl Lifecycle {
    /// `secrets`: the current one first, then the one before it.
    pub fn new(db: Db, clock: Clock, random: Random, secrets: &[&SecretKey], settings: &Auth) -> Self {
        let audit = Audit::new(clock.clone(), random.clone());
        Self { db, clock, random, audit, wrapping: Wrapping::new(secrets), lives: Lives::of(settings) }
    }

    /// All keys that ever were, by purpose, newest first.
    pub async fn list(&self) -> Result<Vec<KeyInfo>, ChangeError> {
        let mut rows = store::read(&mut self.db.read().await?).await?;
        rows.sort_by_key(|row| (row.purpose, -row.ordinal));
        Ok(rows.iter().map(|row| self.info(row, &rows)).collect())
    }

    /// Makes a new key, which is published at once and in use a minute later: by then every replica
    /// knows it, and whoever keeps the published ones has them anew.
    pub async fn rotate(&self, purpose: Purpose) -> Result<KeyInfo, ChangeError> {
        if purpose == Purpose::Lookup {
            return Err(ChangeError::Lookup);
        }
        let (mut tx, rows, now) = self.begin().await?;
        if let Some(row) = schedule::published(purpose, &rows, now) {
            return Err(ChangeError::Published { kid: kid(row.id), signs_at: row.makes_at() });
        }
        let row = self.make(&mut tx, purpose, &rows, now.plus(LEAD)).await?;
        self.audit.record(&mut tx, Action::KeyRotated, None, None, &Origin::TERMINAL).await?;
        tx.announce(Change::Keys);
        self.finish(tx, row.id).await
    }

    /// Ends a key: nothing that it made is accepted any more. Where it was the one that makes things,
    /// the next takes its place at once, in the same transaction.
    pub async fn revoke(&self, id: KeyId) -> Result<Revoked, ChangeError> {
        let (mut tx, rows, now) = self.begin().await?;
        let row = rows.iter().find(|row| row.id == id).ok_or_else(|| ChangeError::Unknown(kid(id)))?;
        if row.purpose == Purpose::Lookup {
            return Err(ChangeError::Lookup);
        }
        if let Some(at) = row.revoked_at {
            return Err(ChangeError::RevokedBefore { kid: kid(id), at });
        }
        store::revoke(&mut tx, id, now).await?;
        let was_maker = schedule::maker(row.purpose, &rows, now).is_some_and(|maker| maker.id == id);
        let replacement = match schedule::published(row.purpose, &rows, now).filter(|next| next.id != id) {
            _ if !was_maker => None,
            Some(next) => {
                store::bring_forward(&mut tx, next.id, now).await?;
                Some(next.id)
            }
            None => Some(self.make(&mut tx, row.purpose, &rows, now).await?.id),
        };
        if row.purpose == Purpose::Refresh {
            sessions::end_of_key(&mut tx, id).await?;
        }
        self.audit.record(&mut tx, Action::KeyRevoked, None, None, &Origin::TERMINAL).await?;
        tx.announce(Change::Keys);
        let revoked = self.finish(tx, id).await?;
        let replacement = match replacement {
            Some(id) => Some(self.find(id).await?),
            None => None,
        };
        Ok(Revoked { revoked, replacement })
    }

    /// Wraps all keys under the current secret, and says how many there are. All or none: a key that no
    /// secret opens leaves all as they are.
    pub async fn rewrap(&self) -> Result<usize, ChangeError> {
        let (mut tx, rows, _) = self.begin().await?;
        for row in &rows {
            let key = self.wrapping.unwrap(row).ok_or(KeyError::WrongSecret)?;
            let wrapped = self.wrapping.wrap(&self.random, (row.id, row.purpose, row.ordinal), &*key);
            store::rewrap(&mut tx, row.id, &wrapped.ok_or(KeyError::WrongSecret)?).await?;
        }
        self.audit.record(&mut tx, Action::KeysRewrapped, None, None, &Origin::TERMINAL).await?;
        tx.commit().await?;
        Ok(rows.len())
    }

    /// Whoever else changes keys waits until this one is done.
    async fn begin(&self) -> Result<(Tx, Vec<Row>, Timestamp), ChangeError> {
        let mut tx = self.db.write().await?;
        store::lock(&mut tx).await?;
        let rows = store::read(&mut tx).await?;
        Ok((tx, rows, self.clock.now()))
    }

    /// A new key under a secret that opens nothing would be of no use to any server.
    async fn make(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        rows: &[Row],
        signs_at: Timestamp,
    ) -> Result<Row, ChangeError> {
        let mut before = rows.iter().filter(|row| row.purpose == purpose);
        let newest = before.next().ok_or(KeyError::Missing(purpose))?;
        if self.wrapping.unwrap(newest).is_none() {
            return Err(KeyError::WrongSecret.into());
        }
        let fresh = ring::fresh(purpose, newest.ordinal + 1, &self.wrapping, &self.clock, &self.random)?;
        let row = Row { signs_at: Some(signs_at), ..fresh };
        store::insert(tx, &row).await?;
        Ok(row)
    }

    async fn finish(&self, tx: Tx, id: KeyId) -> Result<KeyInfo, ChangeError> {
        tx.commit().await?;
        self.find(id).await
    }

    async fn find(&self, id: KeyId) -> Result<KeyInfo, ChangeError> {
        let rows = store::read(&mut self.db.read().await?).await?;
        let row = rows.iter().find(|row| row.id == id).ok_or_else(|| ChangeError::Unknown(kid(id)))?;
        Ok(self.info(row, &rows))
    }

    fn info(&self, row: &Row, all: &[Row]) -> KeyInfo {
        KeyInfo {
            kid: kid(row.id),
            purpose: row.purpose,
            state: schedule::state(row, all, self.lives, self.clock.now()),
            created_at: row.created_at,
            signs_at: row.makes_at(),
            retires_at: schedule::ends_at(row, all, self.lives),
            revoked_at: row.revoked_at,
        }
    }
}
