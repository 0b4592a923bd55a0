//! The small pages that links in mails open.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Reply, behaviour};

const PAGES: [&str; 4] = ["/verify-email", "/reset-password", "/accept-invitation", "/cancel-email-change"];
const NEW: &str = "new@example.com";
const SECOND: Duration = Duration::from_secs(1);

/// The value of an attribute of the page.
fn attribute<'p>(page: &'p str, name: &str) -> &'p str {
    page.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap()
}

/// Opens the newest link to an address, as a browser does, and presses the button.
async fn follow(app: &App, email: &str, password: &str) -> Reply {
    let mails = app.mails_to(email).await;
    let link = mails.iter().find_map(|mail| mail["link"].as_str()).unwrap();
    let (page, token) = link.split_once("#token=").unwrap();
    let path = page.strip_prefix("http://127.0.0.1:8080").unwrap();
    // To look changes nothing, however often.
    app.anonymous().request("HEAD", path).await.expect(200);
    let page = app.anonymous().get(path).await.expect(200).text();
    let mut body = json!({"token": token});
    if page.contains("<input") {
        body[attribute(&page, "data-field")] = json!(password);
    }
    app.anonymous().post(attribute(&page, "data-endpoint"), body).await
}

behaviour! {
    async fn every_link_in_a_mail_opens_a_page_whose_button_does_what_the_mail_says(app: App) {
        let (admin, ada) = (app.admin().await, app.user().await);
        follow(&app, &ada.email, PASSWORD).await.expect(204);
        app.later(SECOND);
        let forgot = json!({"email": ada.email});
        app.anonymous().post("/api/v1/auth/password/forgot", forgot).await.expect(202);
        follow(&app, &ada.email, "seven purple otters dance").await.expect(200);
        let ada = app.signed_in(&ada.email, "seven purple otters dance").await;

        app.later(SECOND);
        let change = json!({"password": "seven purple otters dance", "new_email": "moved@example.com"});
        ada.post("/api/v1/auth/email/change", change).await.expect(202);
        follow(&app, "moved@example.com", "seven purple otters dance").await.expect(204);
        app.later(SECOND);
        follow(&app, &ada.email, "").await.expect(204);
        app.later(SECOND);
        follow(&app, &ada.email, "another long sentence of words").await.expect(200);
        app.signed_in(&ada.email, "another long sentence of words").await;

        admin.post("/api/v1/users", json!({"email": NEW})).await.expect(201);
        follow(&app, NEW, PASSWORD).await.expect(200);
        app.signed_in(NEW, PASSWORD).await;
    }

    async fn a_page_is_told_nothing_and_lets_nothing_in(app: App) {
        for page in PAGES {
            let plain = app.anonymous().get(page).await.expect(200);
            assert_eq!(plain.header("content-type"), Some("text/html; charset=utf-8"));
            let policy = plain.header("content-security-policy").unwrap();
            for rule in [
                "default-src 'none'",
                "script-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(rule), "{page}: no {rule} in {policy}");
            }
            assert!(!policy.contains("unsafe"));
            // What a stranger puts into a link is not shown.
            let hostile = app
                .anonymous()
                .get(&format!("{page}?token=%3Cscript%3Ealert(1)%3C/script%3E&x=http://evil.example"));
            assert_eq!(hostile.await.expect(200).body, plain.body);
            for method in ["POST", "PUT", "DELETE"] {
                let refused = app.anonymous().request(method, page).json(json!({})).await;
                let refused = refused.refused(405, "method_not_allowed");
                assert_eq!(refused.header("allow"), Some("GET,HEAD"));
            }
        }
    }

    async fn a_page_speaks_the_language_of_its_reader(app: App) {
        for page in PAGES {
            let english = app.anonymous().get(page).await.expect(200).text();
            let chinese = app
                .anonymous()
                .get(page)
                .header("accept-language", "zh-CN,zh;q=0.9")
                .await
                .expect(200)
                .text();
            assert_eq!((attribute(&english, "lang"), attribute(&chinese, "lang")), ("en", "zh"));
            assert!(english.is_ascii() && !chinese.is_ascii(), "{english}");
            assert_ne!(attribute(&english, "data-done"), attribute(&chinese, "data-done"));
        }
    }

    async fn what_a_page_loads_is_served_here_with_its_type(app: App) {
        for (path, kind) in [("/pages/page.js", "text/javascript"), ("/pages/page.css", "text/css")] {
            let reply = app.anonymous().get(path).await.expect(200);
            assert!(reply.header("content-type").unwrap().starts_with(kind));
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
        let document: Value = app.anonymous().get("/openapi.json").await.expect(200).json();
        for page in PAGES {
            let text = app.anonymous().get(page).await.text();
            let endpoint = attribute(&text, "data-endpoint");
            assert!(document["paths"][endpoint]["post"].is_object(), "{page} posts to {endpoint}");
            assert!(text.contains("/pages/page.js") && text.contains("/pages/page.css"));
        }
    }
}
