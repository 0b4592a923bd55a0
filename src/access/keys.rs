//! The key store: random keys in the database, wrapped under the application's secret.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use hkdf::Hkdf;
use secrecy::zeroize::Zeroizing;
use serde::Serialize;
use sha2::Sha256;

use crate::base::clock::{Clock, Timestamp};
use crate::base::keyring::{self, KeyBytes, KeyId, Keyring};
use crate::base::random::Random;
use crate::base::secret::SecretKey;
use crate::db::{Db, DbError, Session, Tx};

/// What a key is for; no key serves two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Purpose {
    /// Ed25519 seeds for access tokens.
    Signing,
    Refresh,
    Device,
    Cursor,
    Outbox,
    /// Tags under which rows are found without holding what they are about.
    Lookup,
}

const PURPOSES: [Purpose; 6] =
    [Purpose::Signing, Purpose::Refresh, Purpose::Device, Purpose::Cursor, Purpose::Outbox, Purpose::Lookup];

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
}

#[derive(sqlx::FromRow)]
struct Row {
    id: KeyId,
    purpose: Purpose,
    ordinal: i64,
    wrapped: Vec<u8>,
}

/// All keys in use. Clones share them.
#[derive(Clone, Default)]
pub struct Keys {
    signing: Arc<ArcSwap<Vec<(String, SigningKey)>>>,
    pub refresh: Keyring,
    pub device: Keyring,
    pub cursor: Keyring,
    pub outbox: Keyring,
    pub lookup: Keyring,
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
    /// Reads the keys and unwraps them. What an empty store lacks is made; a store that the secrets
    /// do not open is an error, never an occasion for new keys.
    pub async fn open(
        db: &Db,
        secrets: &[&SecretKey],
        clock: &Clock,
        random: &Random,
    ) -> Result<Self, KeyError> {
        let mut rows = read(&mut db.read().await?).await?;
        let present: BTreeSet<_> = rows.iter().map(|row| row.purpose).collect();
        let missing: Vec<_> = PURPOSES.into_iter().filter(|p| !present.contains(p)).collect();
        let unwrapped = unwrap_all(&rows, secrets)?;
        if missing.is_empty() {
            return Ok(Self::hold(unwrapped));
        }
        let wrapping = secrets.first().ok_or(KeyError::WrongSecret)?;
        let mut tx = db.write().await?;
        for purpose in missing {
            insert(&mut tx, purpose, wrapping, clock, random).await?;
        }
        tx.commit().await?;
        rows = read(&mut db.read().await?).await?;
        Ok(Self::hold(unwrap_all(&rows, secrets)?))
    }

    fn hold(rows: Vec<(KeyId, Purpose, KeyBytes)>) -> Self {
        let of = |wanted: Purpose| {
            let matching = rows.iter().filter(move |(_, purpose, _)| *purpose == wanted);
            matching.map(|(id, _, bytes)| (*id, bytes.clone())).collect::<Vec<_>>()
        };
        let keys = Self::default();
        let signing = of(Purpose::Signing).into_iter();
        keys.signing
            .store(Arc::new(signing.map(|(id, seed)| (kid(id), SigningKey::from_bytes(&seed))).collect()));
        keys.refresh.replace(of(Purpose::Refresh));
        keys.device.replace(of(Purpose::Device));
        keys.cursor.replace(of(Purpose::Cursor));
        keys.outbox.replace(of(Purpose::Outbox));
        keys.lookup.replace(of(Purpose::Lookup));
        keys
    }

    /// Runs `sign` with the key that signs new tokens and its `kid`.
    pub fn with_signing<T>(&self, sign: impl FnOnce(&str, &SigningKey) -> T) -> Option<T> {
        self.signing.load().first().map(|(kid, key)| sign(kid, key))
    }

    /// The key that a token names, among our own.
    pub fn verifying(&self, kid: &str) -> Option<VerifyingKey> {
        self.signing.load().iter().find(|(held, _)| held == kid).map(|(_, key)| key.verifying_key())
    }

    /// The public keys, for `/.well-known/jwks.json`.
    pub fn public(&self) -> Vec<Jwk> {
        let jwk = |(kid, key): &(String, SigningKey)| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            usage: "sig",
            alg: "EdDSA",
            kid: kid.clone(),
            x: URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
        };
        self.signing.load().iter().map(jwk).collect()
    }
}

fn kid(id: KeyId) -> String {
    id.0.simple().to_string()
}

/// Newest first.
async fn read(session: &mut Session) -> Result<Vec<Row>, DbError> {
    session
        .query("SELECT id, purpose, ordinal, wrapped FROM keys ORDER BY ordinal DESC, id")
        .fetch_all()
        .await
}

/// The first key of a purpose. A twin that starts at the same moment makes the same row or none.
async fn insert(
    tx: &mut Tx,
    purpose: Purpose,
    secret: &SecretKey,
    clock: &Clock,
    random: &Random,
) -> Result<(), DbError> {
    let now: Timestamp = clock.now();
    let id = KeyId::fresh(clock, random);
    let bytes = Zeroizing::new(random.bytes::<32>());
    let wrapped = keyring::seal(&wrapping_key(secret), random, &context(id, purpose, 1), &*bytes);
    tx.query(
        "INSERT INTO keys (id, purpose, ordinal, wrapped, created_at) VALUES ($1, $2, 1, $3, $4)
         ON CONFLICT (purpose, ordinal) DO NOTHING",
    )
    .bind(id)
    .bind(purpose)
    .bind(wrapped)
    .bind(now)
    .execute()
    .await
    .map(drop)
}

fn unwrap_all(rows: &[Row], secrets: &[&SecretKey]) -> Result<Vec<(KeyId, Purpose, KeyBytes)>, KeyError> {
    let wrapping: Vec<_> = secrets.iter().map(|secret| wrapping_key(secret)).collect();
    rows.iter()
        .map(|row| {
            let context = context(row.id, row.purpose, row.ordinal);
            let plain = wrapping.iter().find_map(|key| keyring::open(key, &context, &row.wrapped));
            let bytes =
                plain.and_then(|p| <[u8; 32]>::try_from(p.as_slice()).ok()).ok_or(KeyError::WrongSecret)?;
            Ok((row.id, row.purpose, Zeroizing::new(bytes)))
        })
        .collect()
}

/// A wrapped key cannot be moved to another row or put to another use.
fn context(id: KeyId, purpose: Purpose, ordinal: i64) -> Vec<u8> {
    format!("{id}/{purpose:?}/{ordinal}").into_bytes()
}

fn wrapping_key(secret: &SecretKey) -> KeyBytes {
    let mut key = Zeroizing::new([0; 32]);
    // 32 bytes are always within HKDF's limit.
    _ = Hkdf::<Sha256>::new(None, secret.expose()).expand(b"key wrapping", &mut *key);
    key
}
