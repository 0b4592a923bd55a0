//! The document and its interactive page: Swagger UI from the binary, no outside asset.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;

use super::code::Code;
use super::problem::Problem;
use super::template::fill;
use crate::base::language::{Language, translate};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const START: &str = include_str!("start.js");
const BAR: &str = include_str!("bar.js");
const PERMISSIONS: &str = include_str!("permissions.js");
const SESSION: &str = include_str!("session.js");

/// Scripts and calls to this server only. Swagger UI sets inline styles and draws its icons from `data:`.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `/openapi.json` and `/docs`. The document is written once, here.
pub fn router<S: Clone + Send + Sync + 'static>(document: &OpenApi) -> Result<Router<S>, serde_json::Error> {
    let json = Bytes::from(document.to_pretty_json()?);
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")];
    Ok(Router::new()
        .route("/openapi.json", get(move || async move { (headers, json) }))
        .route("/docs", get(page))
        .route("/docs/{file}", get(asset)))
}

/// The page, with the bar at its top in the reader's language; Swagger UI speaks English only.
async fn page(language: Language) -> impl IntoResponse {
    let text = |name: &str| match name {
        "language" => language.tag().to_owned(),
        text => translate(language, text, &[]),
    };
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(fill(PAGE, text)))
}

async fn asset(Path(file): Path<String>) -> Result<Response, Problem> {
    let own = |kind, text| Ok(([(CONTENT_TYPE, kind)], text).into_response());
    match file.as_str() {
        "style.css" => own("text/css", STYLE),
        "start.js" => own("text/javascript", START),
        "bar.js" => own("text/javascript", BAR),
        "permissions.js" => own("text/javascript", PERMISSIONS),
        "session.js" => own("text/javascript", SESSION),
        "swagger-ui.css" | "swagger-ui-bundle.js" | "favicon-32x32.png" => vendored(&file),
        _ => Err(Problem::new(Code::NOT_FOUND)),
    }
}

fn vendored(file: &str) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(file, Arc::new(utoipa_swagger_ui::Config::default()));
    let found = found.map_err(|e| Problem::new(Code::INTERNAL_ERROR).caused_by(e.to_string()))?;
    let file = found.ok_or(Problem::new(Code::NOT_FOUND))?;
    let headers = [(CONTENT_TYPE, file.content_type), (CACHE_CONTROL, "max-age=3600".to_owned())];
    Ok((headers, file.bytes.into_owned()).into_response())
}
