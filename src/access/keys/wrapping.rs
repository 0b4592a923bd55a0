//! Keys at rest: wrapped under what is derived from the application's secret, bound to their row.

use std::sync::Arc;

use hkdf::Hkdf;
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use super::store::{Purpose, Row};
use crate::base::keyring::{self, KeyBytes, KeyId};
use crate::base::random::Random;
use crate::base::secret::SecretKey;

/// What wraps and unwraps: the current secret first, then the one before it.
#[derive(Clone)]
pub struct Wrapping(Arc<[KeyBytes]>);

impl Wrapping {
    pub fn new(secrets: &[&SecretKey]) -> Self {
        Self(secrets.iter().map(|secret| derive(secret)).collect())
    }

    /// Wraps a key under the current secret; `None` without one.
    pub fn wrap(
        &self,
        random: &Random,
        (id, purpose, ordinal): (KeyId, Purpose, i64),
        key: &[u8],
    ) -> Option<Vec<u8>> {
        let current = self.0.first()?;
        Some(keyring::seal(current, random, &context(id, purpose, ordinal), key))
    }

    /// The key of a row; `None` if no secret opens it.
    pub fn unwrap(&self, row: &Row) -> Option<KeyBytes> {
        let context = context(row.id, row.purpose, row.ordinal);
        let plain = self.0.iter().find_map(|secret| keyring::open(secret, &context, &row.wrapped))?;
        Some(Zeroizing::new(plain.as_slice().try_into().ok()?))
    }
}

/// A wrapped key cannot be moved to another row or put to another use.
fn context(id: KeyId, purpose: Purpose, ordinal: i64) -> Vec<u8> {
    format!("{id}/{purpose:?}/{ordinal}").into_bytes()
}

fn derive(secret: &SecretKey) -> KeyBytes {
    let mut key = Zeroizing::new([0; 32]);
    // 32 bytes are always within HKDF's limit.
    _ = Hkdf::<Sha256>::new(None, secret.expose()).expand(b"key wrapping", &mut *key);
    key
}
