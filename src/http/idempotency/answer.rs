//! What a request that made something was answered, and is answered when it comes again.

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::reply::Created;
use crate::http::{Code, Problem, etag};

/// The answer to a request that made something: 201 with `Location` and `ETag`, given now or when it
/// first came.
#[derive(Debug, sqlx::FromRow)]
pub struct Answer {
    pub(super) location: String,
    /// Empty where it was answered by a version that kept none.
    pub(super) etag: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn of<T: Serialize>(created: Created<T>) -> Result<Self, serde_json::Error> {
        let Created { location, tag, body } = created;
        Ok(Self { location, etag: tag.text(), body: serde_json::to_string(&body)? })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match HeaderValue::try_from(self.location) {
            Ok(location) => {
                let json = HeaderValue::from_static("application/json");
                let headers = [(LOCATION, location), (CONTENT_TYPE, json)];
                (StatusCode::CREATED, etag::headers(&self.etag), headers, self.body).into_response()
            }
            Err(error) => Problem::new(Code::INTERNAL_ERROR).caused_by(error).into_response(),
        }
    }
}
