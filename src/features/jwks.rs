//! The public signing keys, for anyone who checks our tokens by themselves.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Access;
use crate::access::keys::Jwk;
use crate::http::extract::Json;
use crate::http::feature::Feature;
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    Feature::new("keys", "Public signing keys").at_root().routes(routes![get_jwks])
}

/// A JWK set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

/// A new key is published 60 s before it signs, so half of that is how long a set may be kept.
const MAX_AGE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("public, max-age=30"));

/// Get the public keys that access tokens are signed with.
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "get_jwks", security(()), responses((status = OK, body = Jwks)))]
async fn get_jwks(State(access): State<Access>) -> ([(HeaderName, HeaderValue); 1], Json<Jwks>) {
    ([MAX_AGE], Json(Jwks { keys: access.keys().public() }))
}
