//! Keys in use: what is made under the newest can be checked under any that is still held.

use std::sync::Arc;

use arc_swap::ArcSwap;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;

use super::clock::{Clock, Timestamp};
use super::random::Random;

crate::id_type!(
    /// A signing key or data key.
    KeyId
);

/// 32 secret bytes, wiped when dropped.
pub type KeyBytes = Zeroizing<[u8; 32]>;

/// An HMAC-SHA-256 tag.
pub type Tag = [u8; 32];

const ID: usize = 16;
const NONCE: usize = 24;

/// A key, and the time in which it is of use.
#[derive(Clone)]
pub struct Held<K> {
    pub id: KeyId,
    pub key: K,
    /// From when it makes what it is for.
    pub makes_at: Timestamp,
    /// When nothing that it made is valid any more; `None` while no other has taken its place.
    pub ends_at: Option<Timestamp>,
}

/// A key that is of use at all times.
impl<K> From<(KeyId, K)> for Held<K> {
    fn from((id, key): (KeyId, K)) -> Self {
        Self { id, key, makes_at: Timestamp::EPOCH, ends_at: None }
    }
}

/// The keys of one purpose, newest first; clones share them, and a rotation reaches every clone.
///
/// The time says which of them makes new things, so that replicas that hold the same keys agree.
#[derive(Clone)]
pub struct Ring<K> {
    held: Arc<ArcSwap<Vec<Held<K>>>>,
    clock: Clock,
}

/// Symmetric keys of one purpose.
pub type Keyring = Ring<KeyBytes>;

/// There is no key to work with: the key store has not been read, or the named key was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is not held")]
pub struct NoKey;

impl Default for Keyring {
    fn default() -> Self {
        Self::new(Clock::default())
    }
}

impl<K: Clone> Ring<K> {
    pub fn new(clock: Clock) -> Self {
        Self { held: Arc::default(), clock }
    }

    /// Puts `keys`, newest first, in the place of those held before.
    pub fn replace(&self, keys: impl IntoIterator<Item = impl Into<Held<K>>>) {
        self.held.store(Arc::new(keys.into_iter().map(Into::into).collect()));
    }

    /// The key that makes new things.
    pub fn maker(&self) -> Result<(KeyId, K), NoKey> {
        let (held, now) = (self.held.load(), self.clock.now());
        let usable = || held.iter().filter(|held| held.is_accepted(now));
        // Where all begin later, another machine's clock is ahead of ours: the first of them it is.
        let maker = usable().find(|held| held.makes_at <= now).or_else(|| usable().last());
        maker.map(|held| (held.id, held.key.clone())).ok_or(NoKey)
    }

    /// The key that is called `id`, if what it made is still accepted.
    pub fn key(&self, id: KeyId) -> Result<K, NoKey> {
        let (held, now) = (self.held.load(), self.clock.now());
        let found = held.iter().find(|held| held.id == id && held.is_accepted(now));
        found.map(|held| held.key.clone()).ok_or(NoKey)
    }

    /// All whose products are accepted or will be, newest first.
    pub fn accepted(&self) -> Vec<(KeyId, K)> {
        let (held, now) = (self.held.load(), self.clock.now());
        let accepted = held.iter().filter(|held| held.is_accepted(now));
        accepted.map(|held| (held.id, held.key.clone())).collect()
    }
}

impl<K> Held<K> {
    fn is_accepted(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }
}

impl Keyring {
    /// The id of the key that makes new things.
    pub fn newest(&self) -> Result<KeyId, NoKey> {
        self.maker().map(|(id, _)| id)
    }

    /// The tag of `message` under the key `id`.
    pub fn tag(&self, id: KeyId, message: &[u8]) -> Result<Tag, NoKey> {
        Ok(self.mac(id, message)?.finalize().into_bytes().into())
    }

    /// Whether `tag` is that of `message` under the key `id`, compared in constant time.
    pub fn verify(&self, id: KeyId, message: &[u8], tag: &[u8]) -> bool {
        self.mac(id, message).is_ok_and(|mac| mac.verify_slice(tag).is_ok())
    }

    /// Encrypts under the newest key, bound to `context`: key id ‖ nonce ‖ XChaCha20-Poly1305.
    pub fn seal(&self, random: &Random, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, NoKey> {
        let (id, key) = self.maker()?;
        let boxed = seal(&key, random, context, plain);
        Ok([id.0.as_bytes().as_slice(), &boxed].concat())
    }

    /// Decrypts what [`Keyring::seal`] made for the same `context`.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NoKey> {
        let (id, boxed) = sealed.split_at_checked(ID).ok_or(NoKey)?;
        let id = KeyId(uuid::Uuid::from_slice(id).map_err(|_| NoKey)?);
        open(&*self.key(id)?, context, boxed).ok_or(NoKey)
    }

    fn mac(&self, id: KeyId, message: &[u8]) -> Result<Hmac<Sha256>, NoKey> {
        let key = self.key(id)?;
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*key).map_err(|_| NoKey)?;
        mac.update(message);
        Ok(mac)
    }
}

/// Encrypts `plain` under `key`, bound to `context`: nonce ‖ ciphertext ‖ tag.
pub fn seal(key: &[u8; 32], random: &Random, context: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random.bytes();
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let payload = Payload { msg: plain, aad: context };
    // Sealing fails only beyond 256 GiB; nothing here comes near.
    let boxed = cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
    [nonce.as_slice(), &boxed].concat()
}

/// Decrypts what [`seal`] made under the same key for the same context; `None` if it was not.
pub fn open(key: &[u8; 32], context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, boxed) = sealed.split_at_checked(NONCE)?;
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(nonce), Payload { msg: boxed, aad: context }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Clock;

    fn ring() -> (Keyring, Random) {
        let random = Random::seeded(7);
        let ring = Keyring::default();
        ring.replace(vec![(KeyId::fresh(&Clock::system(), &random), Zeroizing::new([1; 32]))]);
        (ring, random)
    }

    #[test]
    fn what_is_sealed_opens_only_in_its_own_context_and_unchanged() {
        let (ring, random) = ring();
        let mut sealed = ring.seal(&random, b"mail", b"secret").unwrap();
        assert_eq!(ring.open(b"mail", &sealed).unwrap().as_slice(), b"secret");
        assert!(ring.open(b"other", &sealed).is_err());
        *sealed.last_mut().unwrap() ^= 1;
        assert!(ring.open(b"mail", &sealed).is_err());
        assert!(ring.open(b"mail", &sealed[..20]).is_err());
    }

    #[test]
    fn an_older_key_still_checks_what_it_made_until_it_is_taken_away() {
        let (ring, random) = ring();
        let old = ring.newest().unwrap();
        let tag = ring.tag(old, b"m").unwrap();
        let new = KeyId::fresh(&Clock::system(), &random);
        ring.replace(vec![(new, Zeroizing::new([2; 32])), (old, Zeroizing::new([1; 32]))]);
        assert!(ring.verify(old, b"m", &tag));
        assert!(!ring.verify(new, b"m", &tag));
        ring.replace(vec![(new, Zeroizing::new([2; 32]))]);
        assert!(!ring.verify(old, b"m", &tag));
    }

    #[test]
    fn the_time_decides_which_key_makes_and_until_when_the_one_before_is_accepted() {
        let at = |second| Timestamp::from_micros(second * 1_000_000).unwrap();
        let clock = Clock::manual(at(100));
        let ring = Keyring::new(clock.clone());
        let [old, new] = [1, 2].map(|n| KeyId(uuid::Uuid::from_u128(n)));
        let held = |id, makes, ends: Option<i64>| Held {
            id,
            key: Zeroizing::new([3; 32]),
            makes_at: at(makes),
            ends_at: ends.map(at),
        };
        ring.replace([held(new, 160, None), held(old, 50, Some(800))]);
        assert_eq!(ring.newest(), Ok(old));
        assert!(ring.key(new).is_ok(), "it is known before it makes anything");
        clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(ring.newest(), Ok(new));
        assert!(ring.key(old).is_ok());
        clock.advance(std::time::Duration::from_secs(640));
        assert!(ring.key(old).is_err());
        assert_eq!(ring.accepted().len(), 1);
        ring.replace([held(new, 2000, None)]);
        assert_eq!(ring.newest(), Ok(new), "a clock that is behind must not leave us without a key");
    }
}
