//! Query parameters.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::http::{Code, Fault, Problem};

/// The query, by serde; a fault is 400 `invalid_query`, and its pointer is `/` and the parameter's name.
///
/// Give the type `#[serde(deny_unknown_fields)]`, so that a mistyped filter is not silently ignored.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        if let Some(name) = unreadable(parts.uri.query().unwrap_or_default()) {
            let fault = Fault::new(format!("/{name}"), "invalid_value");
            return Err(Problem::new(Code::INVALID_QUERY).fault(fault));
        }
        let axum::extract::Query(value) = axum::extract::Query::try_from_uri(&parts.uri)?;
        Ok(Self(value))
    }
}

/// The first parameter that is not UTF-8 once decoded (the decoder puts a mark where it was not), or
/// has a NUL, which PostgreSQL takes in no text. A cursor has a code of its own and is no text to anyone.
fn unreadable(query: &str) -> Option<String> {
    let is_bad = |text: &str| text.contains(['\0', char::REPLACEMENT_CHARACTER]);
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let found = parameters.find(|(name, value)| is_bad(name) || name != "cursor" && is_bad(value));
    found.map(|(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use serde::Deserialize;

    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::id::UserId;
    use crate::base::language::Language;
    use crate::http::page::Limit;
    use crate::http::problem::ProblemBody;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filters {
        limit: Option<u8>,
        actor_id: Option<UserId>,
        kind: String,
        order: Option<Order>,
        page: Option<Limit>,
        after: Option<Timestamp>,
        whole: Option<bool>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Order {
        Oldest,
        Newest,
    }

    async fn problem(query: &str) -> Result<Filters, ProblemBody> {
        let request = Request::builder().uri(format!("/x?{query}")).body(()).unwrap();
        match Query::from_request_parts(&mut request.into_parts().0, &()).await {
            Ok(Query(filters)) => Ok(filters),
            Err(problem) => Err(problem.body(Language::English, "-", false)),
        }
    }

    async fn read(query: &str) -> Result<Filters, (&'static str, Vec<(String, &'static str)>)> {
        problem(query).await.map_err(|problem| {
            (problem.code, problem.errors.into_iter().map(|fault| (fault.pointer, fault.code)).collect())
        })
    }

    #[tokio::test]
    async fn a_sound_query_is_read() {
        let filters = read("limit=5&kind=a&actor_id=01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa").await.unwrap();
        assert_eq!((filters.limit, filters.kind.as_str()), (Some(5), "a"));
        assert!(filters.actor_id.is_some());
    }

    #[tokio::test]
    async fn every_fault_names_its_parameter() {
        for (query, pointer, code) in [
            ("limit=300&kind=a", "/limit", "invalid_value"),
            ("limit=-1&kind=a", "/limit", "invalid_value"),
            ("kind=a&actor_id=7", "/actor_id", "invalid_id"),
            ("kind=a&kind=b", "/kind", "repeated"),
            ("kind=a&colour=red", "/colour", "unknown_field"),
            ("limit=3", "/kind", "required"),
            ("kind=%ff", "/kind", "invalid_value"),
            ("kind=a%00", "/kind", "invalid_value"),
        ] {
            let expected = ("invalid_query", vec![(pointer.to_owned(), code)]);
            assert_eq!(read(query).await.unwrap_err(), expected, "{query}");
        }
    }

    #[tokio::test]
    async fn a_fault_says_what_is_wanted_instead() {
        for (query, message) in [
            ("order=name", "This must be one of: oldest, newest"),
            ("page=0", "This must be a whole number from 1 to 100"),
            ("page=abc", "This must be a whole number from 1 to 100"),
            ("whole=maybe", "This must be true or false"),
            // The + of an offset arrives as a space.
            (
                "after=2026-01-31T12:00:00+01:00",
                "This is not a time in the form of RFC 3339, such as 2026-01-31T12:00:00Z (in a query, + is written %2B)",
            ),
            ("actor_id=7", "This is not an id"),
            ("order=oldest&order=newest", "This may be given once only"),
        ] {
            let problem = problem(&format!("kind=a&{query}")).await.unwrap_err();
            assert_eq!(problem.errors[0].message, message, "{query}");
        }
        let sound =
            read("kind=a&order=newest&after=2026-01-31T12:00:00%2B01:00&whole=true&page=7").await.unwrap();
        assert_eq!((sound.order, sound.whole), (Some(Order::Newest), Some(true)));
        assert!(sound.after.is_some() && sound.page.is_some_and(|page| page.get() == 7));
    }
}
