//! `/docs`: the interactive page, from this server alone.

use std::collections::BTreeSet;

use crate::harness::{App, Stage, behaviour};

/// The scripts that are ours; the page names the first, which imports the others.
const SCRIPTS: [&str; 4] = ["/docs/start.js", "/docs/bar.js", "/docs/permissions.js", "/docs/session.js"];

/// What a page loads: the values of `src` and `href`.
fn loaded(page: &str) -> BTreeSet<String> {
    let after = |name: &str| {
        page.split(&format!("{name}=\""))
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    after("src").into_iter().chain(after("href")).collect()
}

behaviour! {
    async fn the_page_loads_from_this_server_only(app: App) {
        let page = app.anonymous().get("/docs").header("accept", "text/html").await.expect(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        let assets = loaded(&page.text());
        assert!(assets.len() >= 4 && assets.iter().all(|asset| asset.starts_with('/') && !asset.starts_with("//")), "{assets:?}");
        for asset in assets {
            let reply = app.anonymous().get(&asset).await.expect(200);
            assert!(!reply.body.is_empty() && reply.header("content-type").is_some(), "{asset}");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{asset}");
        }
        for own in SCRIPTS.into_iter().chain(["/docs", "/docs/style.css", "/verify-email", "/pages/page.js", "/pages/page.css"]) {
            let text = app.anonymous().get(own).await.expect(200).text();
            assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("url(//"), "{own}: {text}");
            // Nor anything that the policy would stop.
            assert!(!text.contains(" onclick=") && !text.contains("javascript:") && !text.contains("eval("), "{own}");
        }
        app.anonymous().get("/docs/no-such-file").await.refused(404, "not_found");
        app.anonymous().get("/docs/..%2f..%2fCargo.toml").await.refused(404, "not_found");
    }

    async fn its_policy_lets_no_script_in_that_is_not_ours(app: App) {
        for page in ["/docs", "/verify-email"] {
            let reply = app.anonymous().get(page).await.expect(200);
            let policy = reply.header("content-security-policy").unwrap();
            let rules: Vec<_> = policy.split(';').map(str::trim).collect();
            for rule in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(rules.contains(&rule), "{page}: no {rule} in {policy}");
            }
            let text = reply.text();
            let scripts = text.matches("<script").count();
            assert!(scripts >= 1 && text.matches("<script src=\"/").count() == scripts, "{page} has a script inside");
        }
    }

    async fn what_its_scripts_import_is_served_as_a_script(app: App) {
        for script in SCRIPTS {
            let reply = app.anonymous().get(script).await.expect(200);
            assert_eq!(reply.header("content-type"), Some("text/javascript"), "{script}");
            for import in reply.text().split(" from \"./").skip(1) {
                let name = format!("/docs/{}", import.split('"').next().unwrap());
                assert!(SCRIPTS.contains(&name.as_str()), "{script} imports {name}");
            }
        }
    }

    async fn its_bar_speaks_the_language_of_its_reader(app: App) {
        for (asked, language, text) in [("en", "en", ">Sign in<"), ("zh-CN,zh;q=0.9", "zh", ">登录<")] {
            let page = app.anonymous().get("/docs").header("accept-language", asked).await.expect(200).text();
            assert!(page.contains(&format!("<html lang=\"{language}\">")) && page.contains(text), "{page}");
            // Every place is filled in, and with a text rather than with its name.
            assert!(!page.contains("{{") && !page.contains("docs-") && !page.contains("\"page-"), "{page}");
        }
    }

    async fn turned_off_both_are_gone(stage: Stage) {
        let app = stage.with("docs.enabled", false).start().await;
        for path in SCRIPTS.into_iter().chain(["/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"]) {
            app.anonymous().get(path).await.refused(404, "not_found");
        }
        app.anonymous().get("/health/live").await.expect(200);
    }
}
