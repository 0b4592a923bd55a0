//! The small pages that links in mails open. The token is in the fragment, so it reaches no log;
//! opening a page changes nothing, its button posts to the API. A product with a front end of its own
//! sets `mail.link_base` and never shows these.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::Html;
use axum::routing::get;

use crate::base::language::{Language, translate};
use crate::http::template::fill;
use crate::state::AppState;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");
const TEMPLATE: &str = include_str!("page.html");

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// A page: its texts are `page-<name>-…` in `locales/`.
struct Page {
    name: &'static str,
    /// Where its button posts to.
    endpoint: &'static str,
    /// The field of the body that takes the password, and what browsers should offer for it.
    password: Option<(&'static str, &'static str)>,
}

const PAGES: [Page; 4] = [
    Page {
        name: "verify-email",
        endpoint: "/api/v1/auth/email/verify",
        password: Some(("password", "current-password")),
    },
    Page {
        name: "reset-password",
        endpoint: "/api/v1/auth/password/reset",
        password: Some(("new_password", "new-password")),
    },
    Page {
        name: "accept-invitation",
        endpoint: "/api/v1/auth/password/reset",
        password: Some(("new_password", "new-password")),
    },
    Page { name: "cancel-email-change", endpoint: "/api/v1/auth/email/change/cancel", password: None },
];

pub fn router() -> Router<AppState> {
    let assets = Router::new()
        .route("/pages/page.js", get(async || ([(CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/pages/page.css", get(async || ([(CONTENT_TYPE, "text/css")], STYLE)));
    PAGES.iter().fold(assets, |router, page| {
        let show =
            async |language: Language| ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page.fill(language)));
        router.route(&format!("/{}", page.name), get(show))
    })
}

impl Page {
    /// Puts the page's texts in the places `{{name}}` of the template.
    fn fill(&self, language: Language) -> String {
        fill(TEMPLATE, |name| self.part(name, language))
    }

    fn part(&self, name: &str, language: Language) -> String {
        let text = |name: &str| translate(language, &format!("page-{}-{name}", self.name), &[]);
        match (name, self.password) {
            ("language", _) => language.tag().to_owned(),
            ("endpoint", _) => self.endpoint.to_owned(),
            ("field", field) => field.map_or("", |(field, _)| field).to_owned(),
            ("input", None) => String::new(),
            ("input", Some((_, offer))) => format!(
                "<label for=\"password\">{}</label>\n<input id=\"password\" type=\"password\" \
                 autocomplete=\"{offer}\" required>\n",
                text("password")
            ),
            ("failed" | "noscript", _) => translate(language, &format!("page-{name}"), &[]),
            _ => text(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_every_page_has_a_text_in_both_languages() {
        for language in Language::ALL {
            for page in PAGES {
                let html = page.fill(language);
                assert!(
                    !html.contains("{{") && !html.contains(">page-") && !html.contains("\"page-"),
                    "{html}"
                );
                assert_eq!(html.contains("<input"), page.password.is_some());
            }
        }
    }
}
