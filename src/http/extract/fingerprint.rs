//! What a body was, in 32 bytes: left by [`Json`](super::Json) for whoever asked for it.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The SHA-256 of a body in canonical form: members in the order of their names, no spaces.
///
/// An argument that wants it puts an empty one into the extensions of the request.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint(Arc<OnceLock<[u8; 32]>>);

impl Fingerprint {
    pub(super) fn take(&self, body: &Value) {
        // A `Value` keeps its members sorted, and so is written.
        _ = self.0.set(Sha256::digest(body.to_string()).into());
    }

    /// Zeros, where no body was read.
    pub fn get(&self) -> [u8; 32] {
        self.0.get().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> [u8; 32] {
        let fingerprint = Fingerprint::default();
        fingerprint.take(&serde_json::from_str(text).unwrap());
        fingerprint.get()
    }

    #[test]
    fn the_same_body_written_in_another_way_has_the_same_fingerprint() {
        assert_eq!(of(r#"{"a": [1, "x"], "b": null}"#), of("{\"b\":null,\n\"a\":[1,\"\\u0078\"]}"));
        assert_ne!(of(r#"{"a": [1, "x"]}"#), of(r#"{"a": ["x", 1]}"#));
        assert_ne!(of(r#"{"a": 1}"#), of(r#"{"a": "1"}"#));
    }
}
