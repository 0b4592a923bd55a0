//! What handlers give back, beside `Json`.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use futures_util::stream::BoxStream;
use serde::Serialize;

use super::etag::Tag;
use super::extract::Json;
use super::{Code, Problem};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// 201 with `Location`, `ETag` and the new thing as JSON.
#[derive(Clone, Debug)]
pub struct Created<T> {
    /// Path of the new thing, such as `/api/v1/notes/01981f3c-…`.
    pub location: String,
    pub tag: Tag,
    pub body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        match HeaderValue::try_from(self.location) {
            Ok(location) => {
                (StatusCode::CREATED, self.tag.headers(), [(LOCATION, location)], Json(self.body))
                    .into_response()
            }
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

/// A JSON document that is written while it is sent, so that of a long one a piece is in memory at a time.
///
/// What fails after the first piece breaks the body off: the connection is cut, nobody takes a half for the
/// whole, and the request log says why.
pub struct Pieces(pub BoxStream<'static, Result<Vec<u8>, Problem>>);

impl IntoResponse for Pieces {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, JSON)], Body::from_stream(self.0)).into_response()
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
