//! What the framework's own extractors reject, as problems.

use std::error::Error;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use http_body_util::LengthLimitError;
use tower_http::timeout::TimeoutError;

use crate::http::{Code, Fault, Problem};

/// A body that could not be read to its end: too large, too slow, or broken off.
pub(super) fn unreadable(error: impl Error + Send + Sync + 'static) -> Problem {
    let problem = if has_cause::<LengthLimitError>(&error) {
        Problem::new(Code::PAYLOAD_TOO_LARGE)
    } else if has_cause::<TimeoutError>(&error) {
        // The rest of the body may still come: this connection is of no further use (RFC 9110 §15.5.9).
        Problem::new(Code::REQUEST_TIMEOUT).header(CONNECTION, HeaderValue::from_static("close"))
    } else {
        Problem::new(Code::BAD_REQUEST)
    };
    problem.caused_by(error)
}

fn has_cause<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<E>())
}

/// A path that does not parse names nothing: 404. A handler that asks for the wrong thing is our fault.
impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        let ours = match &rejection {
            PathRejection::FailedToDeserializePathParams(error) => matches!(
                error.kind(),
                ErrorKind::WrongNumberOfParameters { .. } | ErrorKind::UnsupportedType { .. }
            ),
            _ => true,
        };
        Self::new(if ours { Code::INTERNAL_ERROR } else { Code::NOT_FOUND }).caused_by(rejection)
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(Code::INVALID_QUERY).fault(parameter(&rejection)).caused_by(rejection)
    }
}

/// Which parameter is at fault. serde names unknown, missing and repeated ones only in its message.
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
        Fault::new(pointer, "unknown_field")
    } else if let Some(pointer) = named("missing field `") {
        Fault::new(pointer, "required")
    } else {
        let pointer = named("duplicate field `").unwrap_or_else(|| format!("/{}", traced.path()));
        Fault::new(pointer, "invalid_value")
    }
}
