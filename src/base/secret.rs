//! Values that must never be printed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

/// A person's password as received: no `Debug`, no `Display`, no `Serialize`, wiped when dropped.
///
/// It is hashed byte for byte as it came (no normalisation, no truncation).
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Longer ones are refused at the door, before anything is looked up or hashed. In code points.
    pub const MAX_LENGTH: usize = 1024;

    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Length in Unicode code points, the unit of every length rule.
    pub fn code_points(&self) -> usize {
        self.expose().chars().count()
    }
}

/// The application's secret: 32 bytes that wrap every other key.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

/// The text is not 32 bytes in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes in base64")]
pub struct InvalidSecretKey;

impl SecretKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads standard or URL-safe base64, padded or not; surrounding white space is ignored.
    pub fn from_base64(text: &str) -> Result<Self, InvalidSecretKey> {
        let text = text.trim();
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|engine| engine.decode(text).ok())
            .map(Zeroizing::new)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok())
            .map(Self::from_bytes)
            .ok_or(InvalidSecretKey)
    }

    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(*self.0))
    }

    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_reads_back_what_it_wrote_and_never_prints() {
        let key = SecretKey::from_bytes([7; 32]);
        assert_eq!(SecretKey::from_base64(&key.to_base64()).unwrap().expose(), &[7; 32]);
        assert_eq!(format!("{key:?}"), "SecretKey([REDACTED])");
    }

    #[test]
    fn a_short_or_long_secret_key_is_refused() {
        assert!(SecretKey::from_base64("c2hvcnQ=").is_err());
        assert!(SecretKey::from_base64(&STANDARD.encode([0; 33])).is_err());
        assert!(SecretKey::from_base64("").is_err());
    }

    #[test]
    fn password_length_counts_code_points() {
        assert_eq!(Password::new("pässwörd🔑".into()).code_points(), 9);
    }
}
