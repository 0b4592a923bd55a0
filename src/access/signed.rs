//! Opaque tokens that we can read and nobody else can make: prefix, then base64url of
//! payload ‖ key id ‖ HMAC-SHA-256 over prefix ‖ payload ‖ key id.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::keyring::{KeyId, Keyring, NoKey};

const KEY_ID: usize = 16;
const TAG: usize = 32;
/// No token of ours is longer; anything that is need not be decoded.
const MAX_LENGTH: usize = 512;

/// A token whose tag was right.
pub struct Signed {
    pub payload: Vec<u8>,
    pub key: KeyId,
}

/// Makes a token. The prefix tells kinds apart: one kind is never taken for another.
pub fn encode(ring: &Keyring, key: KeyId, prefix: &str, payload: &[u8]) -> Result<String, NoKey> {
    let signed = [payload, key.0.as_bytes()].concat();
    let tag = ring.tag(key, &[prefix.as_bytes(), &signed].concat())?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode([signed.as_slice(), &tag].concat())))
}

/// Reads a token of the kind `prefix`; `None` if it is anything else.
pub fn decode(ring: &Keyring, prefix: &str, token: &str) -> Option<Signed> {
    let text = token.strip_prefix(prefix).filter(|t| t.len() <= MAX_LENGTH)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
    let (payload, key) = signed.split_at_checked(signed.len().checked_sub(KEY_ID)?)?;
    let key = KeyId(uuid::Uuid::from_slice(key).ok()?);
    ring.verify(key, &[prefix.as_bytes(), signed].concat(), tag)
        .then(|| Signed { payload: payload.to_vec(), key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::zeroize::Zeroizing;

    use super::*;

    fn ring() -> (Keyring, KeyId) {
        let (ring, id) = (Keyring::default(), KeyId(uuid::Uuid::from_u128(7)));
        ring.replace(vec![(id, Zeroizing::new([9; 32]))]);
        (ring, id)
    }

    #[test]
    fn one_kind_of_token_is_never_taken_for_another() {
        let (ring, id) = ring();
        let token = encode(&ring, id, "rt_", b"payload").unwrap();
        let other = token.replacen("rt_", "dt_", 1);
        assert!(decode(&ring, "rt_", &token).is_some());
        assert!(decode(&ring, "dt_", &token).is_none());
        assert!(decode(&ring, "dt_", &other).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert!(decode(&ring().0, "rt_", &text).is_none());
        }

        #[test]
        fn a_token_reads_back_and_any_changed_character_spoils_it(
            payload in proptest::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]"
        ) {
            let (ring, id) = ring();
            let token = encode(&ring, id, "rt_", &payload).unwrap();
            prop_assert_eq!(decode(&ring, "rt_", &token).unwrap().payload, payload);
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(decode(&ring, "rt_", &changed).is_some(), changed == token);
        }
    }
}
