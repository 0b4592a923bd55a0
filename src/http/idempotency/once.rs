//! The header `Idempotency-Key`, as an argument of a handler.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::HeaderName;
use axum::http::request::Parts;

use crate::http::extract::Fingerprint;
use crate::http::feature::{Argument, Form, RequestHeader};
use crate::http::{Code, Fault, Problem};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST: usize = 255;

/// Whether a request is to take effect once, however often it comes: for
/// [`Idempotency::once`](super::Idempotency::once). Without a key it takes effect each time.
pub struct Once(pub(super) Option<Keyed>);

/// A request with a key.
pub(super) struct Keyed {
    pub key: String,
    pub method: String,
    /// The matched route, not the path: `/api/v1/users/{id}/…`.
    pub route: String,
    pub body: Fingerprint,
}

impl<S: Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut sent = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = sent.next() else { return Ok(Self(None)) };
        let key = key.to_str().ok().filter(|key| is_sound(key) && sent.next().is_none());
        let key = key.ok_or_else(invalid)?.to_owned();
        let route = parts.extensions.get().map_or(parts.uri.path(), MatchedPath::as_str).to_owned();
        let body = Fingerprint::default();
        parts.extensions.insert(body.clone());
        Ok(Self(Some(Keyed { key, method: parts.method.to_string(), route, body })))
    }
}

fn is_sound(key: &str) -> bool {
    (1..=LONGEST).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
}

fn invalid() -> Problem {
    Problem::new(Code::VALIDATION_FAILED).fault(Fault::new("/Idempotency-Key", "invalid_idempotency_key"))
}

impl Argument for Once {
    const HEADER: Option<RequestHeader> = Some(RequestHeader {
        name: "Idempotency-Key",
        description: "A name of your choice for this request, such as a UUID. Sent again within 24 hours \
                      with the same key and body, it takes effect once and has the same answer.",
        form: Some(Form { pattern: r"^[\x21-\x7e]+$", max_length: LONGEST }),
    });
    const ERRORS: &'static [Code] =
        &[Code::IDEMPOTENCY_IN_PROGRESS, Code::IDEMPOTENCY_KEY_REUSED, Code::VALIDATION_FAILED];
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};

    use super::*;

    async fn read(values: &[&[u8]]) -> Result<Option<String>, Code> {
        let mut parts = Request::post("/x").body(()).unwrap().into_parts().0;
        for value in values {
            parts.headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        let once = Once::from_request_parts(&mut parts, &()).await;
        once.map(|once| once.0.map(|keyed| keyed.key)).map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn a_key_is_1_to_255_visible_ascii_characters_sent_once() {
        assert_eq!(read(&[]).await, Ok(None));
        for sound in [&b"k"[..], &[b'~'; 255], b"\"quoted\"", b"!", b"8e03978e-40d5-43dd-bc93-6894a57f9324"] {
            assert_eq!(read(&[sound]).await, Ok(Some(String::from_utf8(sound.to_vec()).unwrap())));
        }
        for bad in [&b""[..], &[b'k'; 256], b"a b", b"a\tb", "é".as_bytes(), b"\xff"] {
            assert_eq!(read(&[bad]).await, Err(Code::VALIDATION_FAILED), "{bad:?}");
        }
        assert_eq!(read(&[b"k", b"k"]).await, Err(Code::VALIDATION_FAILED));
    }
}
