//! The keys in use: read at the start, and again whenever they change.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use secrecy::zeroize::Zeroizing;
use serde::Serialize;
use tokio::sync::Mutex;

use super::schedule::{self, Lives};
use super::store::{self, Purpose, Row};
use super::wrapping::Wrapping;
use crate::base::clock::Clock;
use crate::base::keyring::{Held, KeyBytes, KeyId, Keyring, Ring};
use crate::base::random::Random;
use crate::base::secret::SecretKey;
use crate::config::Auth;
use crate::db::{Db, DbError, Session};

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(
        "APP_SECRET_KEY does not open the keys in this database: it was made with another one. \
         Give that one as APP_SECRET_KEY (or as APP_SECRET_KEY_PREVIOUS, beside the new one)"
    )]
    WrongSecret,
    #[error(
        "the database has keys, but none for `{}`: restore the table `keys` from a backup; \
         new keys are made by themselves in an empty database only",
        .0.name()
    )]
    Missing(Purpose),
}

/// All keys in use. Clones share them.
#[derive(Clone)]
pub struct Keys {
    signing: Ring<SigningKey>,
    pub refresh: Keyring,
    pub device: Keyring,
    pub cursor: Keyring,
    pub outbox: Keyring,
    pub lookup: Keyring,
    clock: Clock,
    wrapping: Wrapping,
    lives: Lives,
    /// Readings take turns: an older one never takes the place of a newer.
    turn: Arc<Mutex<()>>,
}

/// A public signing key (RFC 7517, RFC 8037 §2).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Jwk {
    #[schema(example = "OKP")]
    pub kty: &'static str,
    #[schema(example = "Ed25519")]
    pub crv: &'static str,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub usage: &'static str,
    #[schema(example = "EdDSA")]
    pub alg: &'static str,
    pub kid: String,
    /// The public key, base64url.
    pub x: String,
}

impl Keys {
    /// Reads the keys and unwraps them. An empty store gets its first keys; a store that the secrets do
    /// not open, or that lacks some, is an error, never an occasion for new ones.
    pub async fn open(
        db: &Db,
        secrets: &[&SecretKey],
        settings: &Auth,
        clock: &Clock,
        random: &Random,
    ) -> Result<Self, KeyError> {
        let keys = Self::closed(Wrapping::new(secrets), Lives::of(settings), clock);
        let mut rows = store::read(&mut db.read().await?).await?;
        if rows.is_empty() {
            let mut tx = db.write().await?;
            for purpose in Purpose::ALL {
                let row = fresh(purpose, 1, &keys.wrapping, clock, random)?;
                store::insert(&mut tx, &row).await?;
            }
            tx.commit().await?;
            rows = store::read(&mut db.read().await?).await?;
        }
        keys.hold(&rows)?;
        match Purpose::ALL.into_iter().find(|purpose| keys.lacks(*purpose)) {
            Some(purpose) => Err(KeyError::Missing(purpose)),
            None => Ok(keys),
        }
    }

    fn closed(wrapping: Wrapping, lives: Lives, clock: &Clock) -> Self {
        let ring = || Keyring::new(clock.clone());
        Self {
            signing: Ring::new(clock.clone()),
            refresh: ring(),
            device: ring(),
            cursor: ring(),
            outbox: ring(),
            lookup: ring(),
            clock: clock.clone(),
            wrapping,
            lives,
            turn: Arc::default(),
        }
    }

    /// Reads the keys once more: what was revoked is gone, what is new is there. A new key that the
    /// secrets do not open is left out, and the error says so; all others are as they should be.
    pub async fn reload(&self, db: &mut Session) -> Result<(), KeyError> {
        let _turn = self.turn.lock().await;
        let rows = store::read(db).await?;
        self.hold(&rows)
    }

    fn hold(&self, rows: &[Row]) -> Result<(), KeyError> {
        let now = self.clock.now();
        let mut is_complete = true;
        let mut keys = Vec::new();
        for row in rows.iter().filter(|row| row.revoked_at.is_none()) {
            let ends_at = schedule::ends_at(row, rows, self.lives);
            if ends_at.is_some_and(|end| end <= now) {
                continue;
            }
            // What is held need not be unwrapped: it may have been wrapped anew under a secret that this
            // server is not told before its next start.
            match self.held(row).or_else(|| self.wrapping.unwrap(row)) {
                Some(key) => {
                    keys.push((row.purpose, Held { id: row.id, key, makes_at: row.makes_at(), ends_at }))
                }
                None => is_complete = false,
            }
        }
        let of =
            |wanted| keys.iter().filter(move |(purpose, _)| *purpose == wanted).map(|(_, key)| key.clone());
        self.signing.replace(of(Purpose::Signing).map(|held| Held {
            id: held.id,
            key: SigningKey::from_bytes(&held.key),
            makes_at: held.makes_at,
            ends_at: held.ends_at,
        }));
        for purpose in Purpose::ALL {
            if let Some(ring) = self.ring(purpose) {
                ring.replace(of(purpose));
            }
        }
        if is_complete { Ok(()) } else { Err(KeyError::WrongSecret) }
    }

    fn held(&self, row: &Row) -> Option<KeyBytes> {
        match self.ring(row.purpose) {
            Some(ring) => ring.key(row.id).ok(),
            None => self.signing.key(row.id).ok().map(|key| Zeroizing::new(key.to_bytes())),
        }
    }

    fn lacks(&self, purpose: Purpose) -> bool {
        match self.ring(purpose) {
            Some(ring) => ring.maker().is_err(),
            None => self.signing.maker().is_err(),
        }
    }

    fn ring(&self, purpose: Purpose) -> Option<&Keyring> {
        match purpose {
            Purpose::Signing => None,
            Purpose::Refresh => Some(&self.refresh),
            Purpose::Device => Some(&self.device),
            Purpose::Cursor => Some(&self.cursor),
            Purpose::Outbox => Some(&self.outbox),
            Purpose::Lookup => Some(&self.lookup),
        }
    }

    /// Runs `sign` with the key that signs new tokens and its `kid`.
    pub fn with_signing<T>(&self, sign: impl FnOnce(&str, &SigningKey) -> T) -> Option<T> {
        self.signing.maker().ok().map(|(id, key)| sign(&kid(id), &key))
    }

    /// The key that a token names, among our own; its name has one spelling.
    pub fn verifying(&self, name: &str) -> Option<VerifyingKey> {
        let id = KeyId(uuid::Uuid::try_parse(name).ok()?);
        self.signing.key(id).ok().filter(|_| kid(id) == name).map(|key| key.verifying_key())
    }

    /// The public keys, for `/.well-known/jwks.json`.
    pub fn public(&self) -> Vec<Jwk> {
        let jwk = |(id, key): (KeyId, SigningKey)| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            usage: "sig",
            alg: "EdDSA",
            kid: kid(id),
            x: URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
        };
        self.signing.accepted().into_iter().map(jwk).collect()
    }
}

/// The name of a key, in tokens and at the terminal.
pub fn kid(id: KeyId) -> String {
    id.0.simple().to_string()
}

/// A new key that makes things from now on.
pub fn fresh(
    purpose: Purpose,
    ordinal: i64,
    wrapping: &Wrapping,
    clock: &Clock,
    random: &Random,
) -> Result<Row, KeyError> {
    let (id, created_at) = (KeyId::fresh(clock, random), clock.now());
    let bytes = Zeroizing::new(random.bytes::<32>());
    let wrapped = wrapping.wrap(random, (id, purpose, ordinal), &*bytes).ok_or(KeyError::WrongSecret)?;
    Ok(Row { id, purpose, ordinal, wrapped, created_at, signs_at: Some(created_at), revoked_at: None })
}
