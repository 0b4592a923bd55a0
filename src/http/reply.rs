//! What handlers give back, beside `Json`.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use serde::Serialize;

use super::extract::Json;
use super::{Code, Problem};

/// 201 with `Location` and the new thing as JSON.
#[derive(Clone, Debug)]
pub struct Created<T> {
    /// Path of the new thing, such as `/api/v1/notes/01981f3c-…`.
    pub location: String,
    pub body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        match HeaderValue::try_from(self.location) {
            Ok(location) => (StatusCode::CREATED, [(LOCATION, location)], Json(self.body)).into_response(),
            Err(error) => Problem::new(Code::INTERNAL_ERROR).caused_by(error).into_response(),
        }
    }
}

/// 202 without a body: the work goes on by mail.
#[derive(Clone, Copy, Debug)]
pub struct Accepted;

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        StatusCode::ACCEPTED.into_response()
    }
}

/// 204.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// An answer of 4xx or 5xx that is no error and keeps its body, such as readiness that is `down`:
/// `(StatusCode::SERVICE_UNAVAILABLE, Verbatim, Json(report))`. All others become a problem.
#[derive(Clone, Copy, Debug)]
pub struct Verbatim;

impl IntoResponseParts for Verbatim {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}
