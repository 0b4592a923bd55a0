//! JSON bodies, in and out.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use deserr::Deserr;
use serde::Serialize;

use super::fault::Faults;
use super::fingerprint::Fingerprint;
use super::recheck::Recheck;
use super::rejection::unreadable;
use super::strict;
use crate::http::{Code, Problem};

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// A JSON body.
///
/// As an argument it is checked whole: 415 unless it is sent as `application/json` (or, with `PATCH`,
/// `application/merge-patch+json`), 413 over [`MAX_BODY`], 408 if it does not arrive in time,
/// 400 `malformed_json` if it is not JSON, and 422 with all faults of its fields.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Deserr<Faults>, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        check_media_type(request.method(), request.headers())?;
        let (parts, body) = request.into_parts();
        let bytes = read(body).await?;
        Recheck::run(&parts.extensions).await?;
        let value = strict::parse(&bytes).map_err(malformed)?;
        if let Some(fingerprint) = parts.extensions.get::<Fingerprint>() {
            fingerprint.take(&value);
        }
        deserr::deserialize(value).map(Self).map_err(|faults: Faults| faults.into())
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The whole body, or 413, 408, or 400 where it broke off.
pub async fn read(body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, MAX_BODY).await.map_err(unreadable)
}

fn malformed(error: serde_json::Error) -> Problem {
    Problem::new(Code::MALFORMED_JSON)
        .detail_id("error-malformed-json-at")
        .with("line", error.line())
        .with("column", error.column())
        .caused_by(error)
}

fn check_media_type(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(unsupported(ACCEPT_ENCODING, "identity"));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let is = |name: &str| essence.trim().eq_ignore_ascii_case(name);
    let is_patch = method == Method::PATCH;
    if speaks_utf8(parameters) && (is("application/json") || is_patch && is("application/merge-patch+json")) {
        Ok(())
    } else if is_patch {
        Err(unsupported(ACCEPT_PATCH, "application/merge-patch+json, application/json"))
    } else {
        Err(unsupported(ACCEPT, "application/json"))
    }
}

/// RFC 5789 §3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Says in the same breath what would have been taken (RFC 9110 §15.5.16).
fn unsupported(name: HeaderName, taken: &'static str) -> Problem {
    Problem::new(Code::UNSUPPORTED_MEDIA_TYPE).header(name, HeaderValue::from_static(taken))
}

/// JSON is UTF-8 (RFC 8259 §8.1); another charset would be read wrongly.
fn speaks_utf8(parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(method: Method, content_type: &str) -> bool {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
        check_media_type(&method, &headers).is_ok()
    }

    #[test]
    fn only_json_is_read_and_merge_patches_where_they_belong() {
        assert!(accepts(Method::POST, "application/json"));
        assert!(accepts(Method::POST, "Application/JSON; charset=\"UTF-8\""));
        assert!(accepts(Method::PATCH, "application/merge-patch+json"));
        assert!(!accepts(Method::POST, "application/merge-patch+json"));
        assert!(!accepts(Method::PATCH, "application/json-patch+json"));
        assert!(!accepts(Method::POST, "application/json; charset=utf-16"));
        assert!(!accepts(Method::POST, "application/x-www-form-urlencoded"));
        assert!(!accepts(Method::POST, "text/plain"));
        assert!(check_media_type(&Method::POST, &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_compressed_body_is_refused_by_name_rather_than_as_bad_json() {
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        ]);
        let problem = check_media_type(&Method::POST, &headers).unwrap_err();
        assert_eq!(problem.code(), Code::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(problem.into_response().headers()[ACCEPT_ENCODING], "identity");
    }
}
