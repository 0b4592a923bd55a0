//! What the framework's own extractors reject, as problems.

use std::error::Error;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use http_body_util::LengthLimitError;

use crate::base::clock::InvalidTimestamp;
use crate::http::{Code, Fault, Problem};

/// How a type that takes a range says so to serde: `a whole number from 1 to 100`.
const WHOLE_NUMBER: &str = "a whole number from ";

/// Why a body was given up that did not come at a pace, or not in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct TooSlow;

/// A body that could not be read to its end: too large, too slow, or broken off.
pub(super) fn unreadable(error: impl Error + Send + Sync + 'static) -> Problem {
    let problem = if has_cause::<LengthLimitError>(&error) {
        last(Code::PAYLOAD_TOO_LARGE)
    } else if has_cause::<TooSlow>(&error) {
        last(Code::REQUEST_TIMEOUT)
    } else {
        Problem::new(Code::BAD_REQUEST)
    };
    problem.caused_by(error)
}

/// The rest of the body may still come: this connection is of no further use (RFC 9110 §15.5.9).
fn last(code: Code) -> Problem {
    Problem::new(code).header(CONNECTION, HeaderValue::from_static("close"))
}

fn has_cause<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<E>())
}

/// What the log says of a parameter that cannot be read. The framework's own words quote it, and people paste
/// tokens where an id belongs.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the parameter `{name}` of the path is not what it has to be")]
    InPath { name: String },
    #[error("a parameter of the path is not what it has to be")]
    SomewhereInPath,
    #[error("the parameter `{name}` of the query: {code}")]
    InQuery { name: String, code: &'static str },
    #[error("a parameter of the query: {code}")]
    SomewhereInQuery { code: &'static str },
}

/// A path that does not parse names nothing: 404. A handler that asks for the wrong thing is our fault.
impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        let PathRejection::FailedToDeserializePathParams(error) = rejection else {
            return Self::new(Code::INTERNAL_ERROR).caused_by(rejection);
        };
        let unreadable = match error.kind() {
            ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. } => {
                return Self::new(Code::INTERNAL_ERROR).caused_by(error);
            }
            ErrorKind::ParseErrorAtKey { key, .. }
            | ErrorKind::DeserializeError { key, .. }
            | ErrorKind::InvalidUtf8InPathParam { key } => Unreadable::InPath { name: key.clone() },
            _ => Unreadable::SomewhereInPath,
        };
        Self::new(Code::NOT_FOUND).caused_by(unreadable)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let fault = parameter(&rejection);
        let code = fault.code;
        let unreadable = match fault.pointer.strip_prefix('/') {
            // A name that we do not know is the caller's own word.
            Some(name) if code != UNKNOWN => Unreadable::InQuery { name: name.to_owned(), code },
            _ => Unreadable::SomewhereInQuery { code },
        };
        Self::new(Code::INVALID_QUERY).fault(fault).caused_by(unreadable)
    }
}

/// The code of a parameter that no route has.
const UNKNOWN: &str = "unknown_field";

/// Which parameter is at fault, and how. serde says it in its message, and nowhere else.
fn parameter(rejection: &QueryRejection) -> Fault {
    type Traced = serde_path_to_error::Error<serde::de::value::Error>;
    let causes = std::iter::successors(Some(rejection as &dyn Error), |&error| error.source());
    let Some(traced) = causes.filter_map(|error| error.downcast_ref::<Traced>()).next() else {
        return Fault::new("", "invalid_value");
    };
    let message = traced.inner().to_string();
    let quoted = message.split('`').nth(1).unwrap_or_default();
    let named = |start: &str| message.starts_with(start).then(|| format!("/{quoted}"));
    if let Some(pointer) = named("unknown field `") {
        Fault::new(pointer, UNKNOWN)
    } else if let Some(pointer) = named("missing field `") {
        Fault::new(pointer, "required")
    } else if let Some(pointer) = named("duplicate field `") {
        Fault::new(pointer, "repeated")
    } else {
        value(format!("/{}", traced.path()), &message)
    }
}

/// What is wanted instead of the value that was sent.
fn value(pointer: String, message: &str) -> Fault {
    if let Some((_, accepted)) = message.split_once("`, expected ") {
        let accepted: Vec<_> = accepted.split('`').skip(1).step_by(2).collect();
        return Fault::new(pointer, "invalid_choice").with("accepted", accepted.join(", "));
    }
    if let Some((min, max)) = message.strip_prefix(WHOLE_NUMBER).and_then(|range| range.split_once(" to ")) {
        return Fault::new(pointer, "not_in_range").with("min", min.to_owned()).with("max", max.to_owned());
    }
    match message {
        "provided string was not `true` or `false`" => {
            Fault::new(pointer, "wrong_type").with("expected", "boolean")
        }
        text if text == InvalidTimestamp.to_string() => Fault::new(pointer, "invalid_time"),
        text if text.starts_with("UUID parsing failed") => Fault::new(pointer, "invalid_id"),
        _ => Fault::new(pointer, "invalid_value"),
    }
}
