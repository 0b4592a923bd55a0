//! The mailbox of development: what `mail.url = "outbox:"` would have sent, to read by people (a page)
//! and by scripts (JSON). It is mounted in dev and testing only.

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use crate::http::Problem;
use crate::http::extract::Json;
use crate::mail::{OutboxError, Posted, escape};
use crate::state::AppState;

/// Links open in the same window; nothing is loaded.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const SHOWN: i64 = 100;

#[derive(Serialize)]
struct Mailbox {
    items: Vec<Posted>,
}

pub fn router() -> Router<AppState> {
    Router::new().route("/dev/mail", get(show))
}

/// The newest mails, newest first: a page for browsers, JSON for all others.
async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Problem> {
    let items = newest(&state).await?;
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(match accept.contains("text/html") {
        true => ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page(&items))).into_response(),
        false => Json(Mailbox { items }).into_response(),
    })
}

async fn newest(state: &AppState) -> Result<Vec<Posted>, OutboxError> {
    let mut session = state.db.read().await?;
    state.outbox.newest(&mut session, SHOWN).await
}

fn page(items: &[Posted]) -> String {
    let mails: String = items.iter().map(mail).collect();
    let empty = if items.is_empty() { "<p>No mail yet.</p>\n" } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Mailbox</title></head>\n\
         <body>\n<h1>Mailbox</h1>\n{empty}{mails}</body>\n</html>\n"
    )
}

fn mail(posted: &Posted) -> String {
    let content = &posted.content;
    let link = content.link.as_ref().map_or_else(String::new, |link| {
        let link = escape(link);
        format!("<p><a href=\"{link}\">{link}</a></p>\n")
    });
    format!(
        "<article>\n<h2>{}</h2>\n<p>to {} at {}</p>\n<pre>{}</pre>\n{link}</article>\n<hr>\n",
        escape(&content.subject),
        escape(posted.to.as_str()),
        posted.created_at,
        escape(&content.text)
    )
}
