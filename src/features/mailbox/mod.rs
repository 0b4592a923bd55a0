//! The mailbox of development: what is in the outbox, to read by people (a page, and each mail as HTML)
//! and by scripts (JSON). With `mail.url = "outbox:"` that is everything; a transport that delivers takes
//! it away. It is mounted in dev and testing only.

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use crate::http::extract::{Json, Path};
use crate::http::{Code, Problem};
use crate::mail::{MailId, OutboxError, Posted, escape};
use crate::state::AppState;

/// Links open in the same window; nothing is loaded.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// A letter brings its styles with it. It gets no script, no origin, and no frame.
const LETTER: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox",
);
const SHOWN: i64 = 100;

#[derive(Serialize)]
struct Mailbox {
    items: Vec<Posted>,
}

pub fn router() -> Router<AppState> {
    Router::new().route("/dev/mail", get(show)).route("/dev/mail/{id}", get(letter))
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

/// One mail as a mail program shows it.
async fn letter(State(state): State<AppState>, Path(id): Path<MailId>) -> Result<Response, Problem> {
    let found = find(&state, id).await?.ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    Ok(([(CONTENT_SECURITY_POLICY, LETTER)], Html(found.content.html)).into_response())
}

async fn find(state: &AppState, id: MailId) -> Result<Option<Posted>, OutboxError> {
    let mut session = state.db.read().await?;
    state.outbox.find(&mut session, id).await
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
        "<article>\n<h2>{}</h2>\n<p>to {} at {} (<a href=\"/dev/mail/{}\">as HTML</a>)</p>\n<pre>{}</pre>\n{link}</article>\n<hr>\n",
        escape(&content.subject),
        escape(posted.to.as_str()),
        posted.created_at,
        posted.id,
        escape(&content.text)
    )
}
