//! The small pages that links in mails open. The token is in the fragment, so it reaches no log;
//! opening a page changes nothing, its button posts to the API. A product with a front end of its own
//! sets `mail.link_base` and never shows these.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use crate::base::language::{Language, translate};
use crate::state::AppState;

const SCRIPT: &str = include_str!("verify-email.js");
const STYLE: &str = include_str!("page.css");
const TEMPLATE: &str = include_str!("verify-email.html");

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/verify-email", get(verify_email))
        .route("/pages/verify-email.js", get(async || ([(CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/pages/page.css", get(async || ([(CONTENT_TYPE, "text/css")], STYLE)))
}

async fn verify_email(language: Language) -> impl IntoResponse {
    let page = fill(TEMPLATE, language, "page-verify-email");
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page))
}

/// Puts the texts `{id}-{name}` in the places `{{name}}`.
fn fill(template: &str, language: Language, id: &str) -> String {
    let mut parts = template.split("{{");
    let mut page = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        match name {
            "language" => page.push_str(language.tag()),
            name => page.push_str(&translate(language, &format!("{id}-{name}"), &[])),
        }
        page.push_str(rest);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_page_has_a_text_in_both_languages() {
        for language in Language::ALL {
            let page = fill(TEMPLATE, language, "page-verify-email");
            assert!(!page.contains("{{") && !page.contains("page-verify-email-"), "{page}");
        }
    }
}
