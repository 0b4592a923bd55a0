//! Conditional requests (RFC 9110 §13): `If-None-Match` saves a transfer, `If-Match` a lost update.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::code::Code;
use super::extract::Json;
use super::feature::{Argument, RequestHeader};
use super::problem::Problem;

/// A strong validator: the version of a resource, and what else its representation shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    version: i64,
    rest: String,
}

impl Tag {
    /// `rest` is what changes the representation without raising the version; it may be empty.
    pub fn new(version: i64, rest: impl Into<String>) -> Self {
        Self { version, rest: rest.into() }
    }

    /// As it stands in `ETag`.
    pub fn text(&self) -> String {
        match self.rest.as_str() {
            "" => format!("\"{}\"", self.version),
            rest => format!("\"{}-{rest}\"", self.version),
        }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        headers(&self.text())
    }
}

/// `ETag`, where there is a tag to name.
pub(super) fn headers(text: &str) -> HeaderMap {
    let named = Some(text).filter(|text| !text.is_empty());
    HeaderMap::from_iter(named.and_then(|text| HeaderValue::try_from(text).ok()).map(|value| (ETAG, value)))
}

/// A resource with its tag: 200 with a body, or 304 where the caller has this very representation.
pub struct Tagged<T> {
    pub tag: Tag,
    pub body: T,
    pub known: IfNoneMatch,
}

impl<T> Tagged<T> {
    /// The answer to a change: always with its body.
    pub fn fresh(tag: Tag, body: T) -> Self {
        Self { tag, body, known: IfNoneMatch::default() }
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let text = self.tag.text();
        let headers = headers(&text);
        match self.known.0 {
            Some(known) if known.matches(|tag| tag.trim_start_matches("W/") == text) => {
                (StatusCode::NOT_MODIFIED, headers).into_response()
            }
            _ => (headers, Json(self.body)).into_response(),
        }
    }
}

/// The tags that a caller named.
#[derive(Clone, Debug)]
enum Named {
    Any,
    These(Vec<String>),
}

impl Named {
    fn matches(&self, is_it: impl FnMut(&String) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(is_it),
        }
    }

    fn read(headers: &HeaderMap, name: HeaderName) -> Option<Self> {
        // What cannot be read names no version of ours: it must not count as "none named".
        let lines: Vec<_> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("?")).collect();
        let tags: Vec<_> =
            lines.iter().flat_map(|line| line.split(',')).map(|tag| tag.trim().to_owned()).collect();
        match tags.as_slice() {
            [] => None,
            [one] if one == "*" => Some(Self::Any),
            _ => Some(Self::These(tags)),
        }
    }
}

/// The representations that the caller already has.
#[derive(Clone, Debug, Default)]
pub struct IfNoneMatch(Option<Named>);

/// The versions that the caller is willing to change; all, if none was named.
#[derive(Clone, Debug, Default)]
pub struct IfMatch(Option<Named>);

impl IfMatch {
    /// 412 if the caller named versions and `current` is none of them.
    pub fn check(&self, current: i64) -> Result<(), Problem> {
        let is_current = |tag: &String| {
            let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            version.and_then(|v| v.split('-').next()).and_then(|v| v.parse().ok()) == Some(current)
        };
        match &self.0 {
            Some(named) if !named.matches(is_current) => Err(Problem::new(Code::PRECONDITION_FAILED)),
            _ => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Named::read(&parts.headers, IF_NONE_MATCH)))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Named::read(&parts.headers, IF_MATCH)))
    }
}

impl Argument for IfNoneMatch {
    const HEADER: Option<RequestHeader> = Some(RequestHeader {
        name: "If-None-Match",
        description: "The `ETag` of what you have: 304 without a body if it is still that.",
        form: None,
    });
}

impl Argument for IfMatch {
    const HEADER: Option<RequestHeader> = Some(RequestHeader {
        name: "If-Match",
        description: "The `ETag` of what you saw: 412 if it has changed since. Without it the change is made \
                      to whatever is there.",
        form: None,
    });
    const ERRORS: &'static [Code] = &[Code::PRECONDITION_FAILED];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_match(text: &str) -> IfMatch {
        let headers = HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_str(text).unwrap())]);
        IfMatch(Named::read(&headers, IF_MATCH))
    }

    fn status(header: &str) -> StatusCode {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(header).unwrap())]);
        let known = IfNoneMatch(Named::read(&headers, IF_NONE_MATCH));
        Tagged { tag: Tag::new(3, "x"), body: "b", known }.into_response().status()
    }

    #[test]
    fn a_change_goes_through_only_for_the_version_that_was_named() {
        for fits in ["\"3\"", "\"3-abc\"", "*", "\"1\", \"3\""] {
            assert!(if_match(fits).check(3).is_ok(), "{fits}");
        }
        for stale in ["\"2\"", "W/\"3\"", "3", "\"\"", "garbage"] {
            assert!(if_match(stale).check(3).is_err(), "{stale}");
        }
        assert!(IfMatch::default().check(3).is_ok());
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        assert_eq!(status("\"3-x\""), StatusCode::NOT_MODIFIED);
        assert_eq!(status("W/\"3-x\""), StatusCode::NOT_MODIFIED);
        assert_eq!(status("*"), StatusCode::NOT_MODIFIED);
        assert_eq!(status("\"3-y\""), StatusCode::OK);
    }
}
