//! What a request says about where it comes from. Middleware puts it there; these read it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;

use crate::base::clock::Clock;
use crate::base::id;
use crate::base::language::Language;
use crate::base::random::Random;

/// The name under which the logs have this request: 1 to 128 of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The caller's own, if it is one that can be logged and sent back without care.
    pub fn sane(header: Option<&HeaderValue>) -> Option<Self> {
        let text = header?.to_str().ok()?;
        let is_sane = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        ((1..=128).contains(&text.len()) && text.bytes().all(is_sane)).then(|| Self(text.into()))
    }

    /// A UUIDv7 as 32 hexadecimal digits.
    pub fn fresh(clock: &Clock, random: &Random) -> Self {
        Self(id::fresh(clock, random).simple().to_string().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text, for whoever keeps it.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

/// Outside the middleware stack a request has no name.
impl Default for RequestId {
    fn default() -> Self {
        Self("-".into())
    }
}

/// The address of the caller, behind trusted proxies as they forwarded it; IPv4 is never IPv6-mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// `0.0.0.0` where there is no connection, as in tests that call the router itself.
impl Default for ClientAddress {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// The caller's `User-Agent`: at most 256 characters, no control characters; perhaps empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserAgent(pub String);

impl UserAgent {
    fn bounded(header: Option<&HeaderValue>) -> Self {
        let text = header.map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
        Self(text.chars().filter(|c| !c.is_control()).take(256).collect())
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for UserAgent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::bounded(parts.headers.get(USER_AGENT)))
    }
}

/// The language to answer in, by `Accept-Language`.
impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(ACCEPT_LANGUAGE);
        Ok(Self::negotiate(header.and_then(|value| value.to_str().ok())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sane(text: &[u8]) -> Option<RequestId> {
        RequestId::sane(HeaderValue::from_bytes(text).ok().as_ref())
    }

    #[test]
    fn only_a_harmless_request_id_is_taken_over() {
        assert_eq!(sane(b"Ab.9_-").unwrap().as_str(), "Ab.9_-");
        assert!(sane(&[b'a'; 128]).is_some());
        for bad in [
            &b""[..],
            &[b'a'; 129],
            b"a b",
            b"a\tb",
            b"a/b",
            b"a=b",
            "é".as_bytes(),
            b"\xff",
            b"\"x\"",
            b"a;b",
        ] {
            assert_eq!(sane(bad), None, "{bad:?}");
        }
        assert_eq!(RequestId::sane(None), None);
    }

    #[test]
    fn a_fresh_request_id_is_itself_sane() {
        let id = RequestId::fresh(&Clock::system(), &Random::seeded(1));
        assert_eq!(sane(id.as_str().as_bytes()), Some(id));
    }

    #[test]
    fn a_user_agent_is_bounded_and_printable() {
        let header = HeaderValue::from_bytes(&[b"a\tb\xff".as_slice(), &[b'x'; 400]].concat()).unwrap();
        let UserAgent(text) = UserAgent::bounded(Some(&header));
        assert!(text.starts_with("ab\u{FFFD}x") && text.chars().count() == 256);
    }

    proptest! {
        #[test]
        fn whatever_is_taken_over_is_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
            if let Some(id) = sane(&bytes) {
                prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
                prop_assert!((1..=128).contains(&id.as_str().len()));
            }
        }
    }
}
