//! Refresh tokens: session, generation, key and a tag. Opaque to clients, recomputed rather than stored.

use super::signed::{self, Signed};
use crate::base::id::SessionId;
use crate::base::keyring::{KeyId, Keyring, NoKey};

const PREFIX: &str = "rt_";

/// What a genuine refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: SessionId,
    /// Counts the refreshes of the session; only the newest is valid.
    pub generation: i64,
    pub key: KeyId,
}

impl RefreshToken {
    /// The same text for the same session, generation and key: a lost answer can be given again.
    pub fn encode(&self, ring: &Keyring) -> Result<String, NoKey> {
        let payload = [self.session.0.as_bytes().as_slice(), &self.generation.to_be_bytes()].concat();
        signed::encode(ring, self.key, PREFIX, &payload)
    }

    /// Reads a token; `None` if we did not make it.
    pub fn decode(ring: &Keyring, token: &str) -> Option<Self> {
        let Signed { payload, key } = signed::decode(ring, PREFIX, token)?;
        let (session, generation) = payload.split_at_checked(16)?;
        Some(Self {
            session: SessionId(uuid::Uuid::from_slice(session).ok()?),
            generation: i64::from_be_bytes(generation.try_into().ok()?),
            key,
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_token_says_what_it_was_made_of_and_is_the_same_each_time() {
        let (ring, key) = (Keyring::default(), KeyId(uuid::Uuid::from_u128(1)));
        ring.replace(vec![(key, Zeroizing::new([5; 32]))]);
        let token = RefreshToken { session: SessionId(uuid::Uuid::from_u128(2)), generation: 3, key };
        let text = token.encode(&ring).unwrap();
        assert_eq!(text, token.encode(&ring).unwrap());
        assert_eq!(RefreshToken::decode(&ring, &text), Some(token));
        assert_eq!(RefreshToken::decode(&ring, &format!("{text}A")), None);
    }
}
