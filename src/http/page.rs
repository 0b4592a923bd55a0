//! Lists in pages: keyset cursors that are authenticated and bound to their list and filters.

use axum::http::header::LINK;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::code::Code;
use super::extract::Json;
use super::problem::Problem;
use crate::base::keyring::{KeyId, Keyring, NoKey};

/// How many items a page has: 1 to 100, 20 if nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u8);

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl Limit {
    pub fn get(self) -> usize {
        self.0.into()
    }

    /// One more than the page holds: whether it comes back says whether there is a next page.
    pub fn probe(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = u8::deserialize(deserializer).ok().filter(|n| (1..=100).contains(n));
        limit.map(Self).ok_or_else(|| serde::de::Error::custom("a whole number from 1 to 100"))
    }
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` to get the next page; `null` on the last.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// All that match the filters, if `include_total=true` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// Cuts what a query with [`Limit::probe`] rows found to the page; `cursor_after` makes the cursor
    /// from the last item that stays.
    pub fn cut<E>(
        mut rows: Vec<T>,
        limit: Limit,
        cursor_after: impl FnOnce(&T) -> Result<String, E>,
    ) -> Result<Self, E> {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next_cursor = rows.last().filter(|_| more).map(cursor_after).transpose()?;
        Ok(Self { items: rows, next_cursor, total: None })
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, next_cursor, total } = self;
        Page { items: items.into_iter().map(f).collect(), next_cursor, total }
    }
}

/// A page as an answer: the body, and a `Link` to the next one (RFC 8288).
pub struct Listed<T> {
    pub page: Page<T>,
    pub uri: Uri,
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let link = self.page.next_cursor.as_deref().and_then(|cursor| next_link(&self.uri, cursor));
        headers.extend(link.map(|link| (LINK, link)));
        (headers, Json(self.page)).into_response()
    }
}

fn next_link(uri: &Uri, cursor: &str) -> Option<HeaderValue> {
    let others =
        uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty() && !p.starts_with("cursor="));
    let query: String = others.map(|p| format!("{p}&")).collect();
    HeaderValue::try_from(format!("<{}?{query}cursor={cursor}>; rel=\"next\"", uri.path())).ok()
}

/// Makes and reads cursors under the keys for cursors.
#[derive(Clone)]
pub struct Cursors(Keyring);

const KEY_ID: usize = 16;
const TAG: usize = 32;
const MAX_LENGTH: usize = 2048;

impl Cursors {
    pub fn new(ring: Keyring) -> Self {
        Self(ring)
    }

    /// A cursor after `position` in the list called `list` under `filters`.
    pub fn encode(
        &self,
        list: &str,
        filters: &impl Serialize,
        position: &impl Serialize,
    ) -> Result<String, NoKey> {
        let key = self.0.newest()?;
        let position = serde_json::to_vec(position).unwrap_or_default();
        let tag = self.0.tag(key, &bound(list, filters, &position))?;
        Ok(URL_SAFE_NO_PAD.encode([key.0.as_bytes().as_slice(), &tag, &position].concat()))
    }

    /// The position of a cursor that was made for the same list and filters; any other is
    /// `invalid_cursor`.
    pub fn decode<P: DeserializeOwned>(
        &self,
        list: &str,
        filters: &impl Serialize,
        cursor: &str,
    ) -> Result<P, Problem> {
        self.open(list, filters, cursor).ok_or(Problem::new(Code::INVALID_CURSOR))
    }

    fn open<P: DeserializeOwned>(&self, list: &str, filters: &impl Serialize, cursor: &str) -> Option<P> {
        let bytes = URL_SAFE_NO_PAD.decode(Some(cursor).filter(|c| c.len() <= MAX_LENGTH)?).ok()?;
        let (key, rest) = bytes.split_at_checked(KEY_ID)?;
        let (tag, position) = rest.split_at_checked(TAG)?;
        let key = KeyId(uuid::Uuid::from_slice(key).ok()?);
        let genuine = self.0.verify(key, &bound(list, filters, position), tag);
        serde_json::from_slice(position).ok().filter(|_| genuine)
    }
}

fn bound(list: &str, filters: &impl Serialize, position: &[u8]) -> Vec<u8> {
    let filters = serde_json::to_vec(filters).unwrap_or_default();
    let lengths = [list.len(), filters.len()].map(|n| (n as u64).to_be_bytes()).concat();
    [lengths.as_slice(), list.as_bytes(), &filters, position].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::zeroize::Zeroizing;

    use super::*;

    fn cursors() -> Cursors {
        let ring = Keyring::default();
        ring.replace(vec![(KeyId(uuid::Uuid::from_u128(1)), Zeroizing::new([4; 32]))]);
        Cursors::new(ring)
    }

    #[test]
    fn a_cursor_is_bound_to_its_list_and_its_filters() {
        let cursors = cursors();
        let cursor = cursors.encode("users", &("active",), &("2026", 7)).unwrap();
        assert_eq!(
            cursors.decode::<(String, i64)>("users", &("active",), &cursor).unwrap(),
            ("2026".into(), 7)
        );
        for (list, filter) in [("notes", "active"), ("users", "suspended")] {
            let refused = cursors.decode::<(String, i64)>(list, &(filter,), &cursor).unwrap_err();
            assert_eq!(refused.code(), Code::INVALID_CURSOR);
        }
    }

    #[test]
    fn a_page_that_is_exactly_full_has_no_next() {
        let cut =
            |n: u32| Page::cut((0..n).collect(), Limit(3), |last| Ok::<_, NoKey>(last.to_string())).unwrap();
        assert_eq!((cut(3).items.len(), cut(3).next_cursor), (3, None));
        assert_eq!((cut(4).items.len(), cut(4).next_cursor), (3, Some("2".into())));
    }

    #[test]
    fn the_link_keeps_the_other_parameters_and_replaces_the_cursor() {
        let link = next_link(&"/api/v1/users?cursor=old&limit=2".parse().unwrap(), "new").unwrap();
        assert_eq!(link, "</api/v1/users?limit=2&cursor=new>; rel=\"next\"");
    }

    proptest! {
        #[test]
        fn any_text_is_refused_as_a_cursor_without_a_panic(text in ".{0,120}") {
            prop_assert!(cursors().decode::<String>("users", &(), &text).is_err());
        }

        #[test]
        fn any_changed_character_spoils_a_cursor(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let cursor = cursors().encode("users", &(), &"position").unwrap();
            let at = at.index(cursor.len());
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(cursors().decode::<String>("users", &(), &changed).is_ok(), changed == cursor);
        }
    }
}
