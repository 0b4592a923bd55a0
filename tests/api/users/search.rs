//! People found by what their address, their name or a word of it begins with.

use std::time::Duration;

use serde_json::{Value, json};
use stead::features::users::index;
use url::form_urlencoded::byte_serialize;

use crate::harness::{App, Client, PASSWORD, Person, Stage, behaviour};

const USERS: &str = "/api/v1/users";

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn emails(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
}

/// The names before the `@` of those who are found, in order.
async fn found(client: &Client, q: &str, filters: &str) -> Vec<String> {
    let page = client.get(&format!("{USERS}?q={}&limit=100{filters}", encoded(q))).await.expect(200).json();
    emails(&page).into_iter().map(|email| email.split('@').next().unwrap().to_owned()).collect()
}

async fn add(admin: &Person, address: &str, name: &str) -> String {
    let body = json!({"email": format!("{address}@example.com"), "display_name": name, "password": PASSWORD});
    admin.post(USERS, body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn crowd(app: &App) -> Person {
    let admin = app.admin().await;
    for (address, name) in [
        ("al", "Ada Lovelace"),
        ("ab", "Ada Byron"),
        ("zz", "Jean-Luc Adams"),
        ("xm", "王小明"),
        ("lm", "Лев Толстой"),
        ("st", "Anna Straße"),
        ("bb", "Adam ADAMSON"),
    ] {
        add(&admin, address, name).await;
    }
    admin
}

behaviour! {
    async fn people_are_found_by_their_address_their_name_and_each_word_of_it(app: App) {
        let admin = crowd(&app).await;
        for (q, expected) in [
            ("ada", vec!["ab", "al", "bb", "zz"]),
            ("ADA L", vec!["al"]),
            ("lovelace", vec!["al"]),
            ("adams", vec!["zz", "bb"]),
            ("luc", vec!["zz"]),
            ("小明", vec!["xm"]),
            ("王", vec!["xm"]),
            ("明", vec!["xm"]),
            ("ТОЛ", vec!["lm"]),
            ("STRASSE", vec!["st"]),
            ("al@EXAMPLE.com", vec!["al"]),
            ("example", vec![]),
            ("nobody", vec![]),
            ("%", vec![]),
            ("_", vec![]),
            ("'; drop table users; --", vec![]),
        ] {
            assert_eq!(found(&admin, q, "").await, expected, "{q}");
        }
        app.user().await.get(&format!("{USERS}?q=ada")).await.refused(403, "forbidden");
    }

    async fn the_order_is_that_of_the_match_and_everyone_is_there_once_whatever_the_pages(app: App) {
        let admin = crowd(&app).await;
        // The terms: ab@…, ada byron, ada lovelace, adam adamson, adams, adamson, admin1@…, al@…, anna straße.
        let expected = ["ab", "al", "bb", "zz", "admin1", "st"];
        assert_eq!(found(&admin, "a", "").await, expected);
        for limit in 1..=7 {
            let mut path = format!("{USERS}?q=a&limit={limit}&include_total=true");
            let mut all = Vec::new();
            loop {
                let reply = admin.get(&path).await.expect(200);
                let page = reply.json();
                assert_eq!(page["total"], expected.len(), "{limit}");
                all.extend(emails(&page));
                let Some(link) = reply.header("link") else { break };
                path = link.split(['<', '>']).nth(1).unwrap().to_owned();
            }
            assert_eq!(all, expected.map(|name| format!("{name}@example.com")), "{limit}");
        }
    }

    async fn a_search_combines_with_the_filters(app: App) {
        let admin = app.admin().await;
        let ids = [add(&admin, "one", "Ada One").await, add(&admin, "two", "Ada Two").await];
        app.later(Duration::from_secs(60));
        let three = add(&admin, "three", "Ada Three").await;
        app.suspend(&ids[1]).await;
        let roles = json!({"roles": ["admin", "user"]});
        admin.request("PUT", &format!("{USERS}/{three}/roles")).json(roles).await.expect(200);
        assert_eq!(found(&admin, "ada", "").await, ["one", "three", "two"]);
        assert_eq!(found(&admin, "ada", "&status=suspended").await, ["two"]);
        assert_eq!(found(&admin, "ada", "&status=active").await, ["one", "three"]);
        assert_eq!(found(&admin, "ada", "&role=admin").await, ["three"]);
        assert_eq!(found(&admin, "ada", "&created_after=2030-01-01T08:01:00Z").await, ["three"]);
        assert_eq!(found(&admin, "ada", "&created_before=2030-01-01T08:01:00Z").await, ["one", "two"]);
        admin.delete(&format!("{USERS}/{}", ids[0])).await.expect(204);
        assert_eq!(found(&admin, "ada", "").await, ["three", "two"]);
        assert_eq!(found(&admin, "ada", "&status=deleted").await, ["one"]);
        admin.post(&format!("{USERS}/{}/restore", ids[0]), json!({})).await.expect(200);
        assert_eq!(found(&admin, "ada", "").await, ["one", "three", "two"]);
    }

    async fn who_changes_is_found_by_what_they_are_called_now(app: App) {
        let admin = app.admin().await;
        let ada = app.user().await;
        assert_eq!(found(&admin, "user", "").await, [ada.email.split('@').next().unwrap()]);
        for (name, finds, no_more) in [
            (json!("Ada Byron"), "byron", "lovelace"),
            (json!("Ada Lovelace"), "lovelace", "byron"),
            (json!("李清照"), "清照", "ada"),
            (json!(null), "user", "李"),
        ] {
            ada.patch("/api/v1/users/me", json!({"display_name": name})).await.expect(200);
            assert_eq!(found(&admin, finds, "").await.len(), 1, "{finds}");
            assert_eq!(found(&admin, no_more, "").await.len(), 0, "{no_more}");
        }
        let change = json!({"password": PASSWORD, "new_email": "elsewhere@example.com"});
        ada.post("/api/v1/auth/email/change", change).await.expect(202);
        let token = json!({"token": app.mailed_token("elsewhere@example.com").await});
        ada.post("/api/v1/auth/email/verify", token).await.expect(204);
        assert_eq!(found(&admin, "elsewhere", "").await, ["elsewhere"]);
        assert_eq!(found(&admin, "user", "").await, Vec::<String>::new());
    }

    async fn who_registers_anew_is_found_by_the_new_name_and_nobody_in_use_by_a_strangers(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        let (admin, ada) = (app.admin().await, app.user().await);
        let register = async |email: &str, name: &str| {
            let body = json!({"email": email, "password": PASSWORD, "display_name": name});
            app.anonymous().post("/api/v1/auth/register", body).await.expect(202);
        };
        register("new@example.com", "First Name").await;
        assert_eq!(found(&admin, "first", "").await, ["new"]);
        register("new@example.com", "Second Name").await;
        assert_eq!(found(&admin, "first", "").await.len(), 0);
        assert_eq!(found(&admin, "second", "").await, ["new"]);
        register(&ada.email, "Third Name").await;
        assert_eq!(found(&admin, "third", "").await.len(), 0);
    }

    async fn who_was_written_by_another_program_is_found_once_the_index_was_refreshed(app: App) {
        let admin = crowd(&app).await;
        let mut tx = app.state.db.write().await.unwrap();
        for older in [
            "DELETE FROM user_terms",
            "UPDATE users SET terms_version = NULL",
            "UPDATE users SET version = version + 1, terms_version = 1, display_name = 'Grace Hopper' WHERE email LIKE 'al@%'",
        ] {
            tx.query(older).execute().await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(found(&admin, "ada", "").await.len(), 0);
        let refresh = async |limit| {
            let mut tx = app.state.db.write().await.unwrap();
            let count = index::refresh(&mut tx, limit).await.unwrap();
            tx.commit().await.unwrap();
            count
        };
        assert_eq!((refresh(5).await, refresh(5).await, refresh(5).await), (5, 3, 0));
        assert_eq!(found(&admin, "ada", "").await, ["ab", "bb", "zz"]);
        assert_eq!(found(&admin, "hopp", "").await, ["al"]);
        add(&admin, "later", "Somebody Else").await;
        assert_eq!(refresh(5).await, 0, "whoever is written by this program is found at once");
    }

    async fn a_search_with_a_fault_names_it(app: App) {
        let admin = app.admin().await;
        for (query, pointer, code) in [
            ("q=", "/q", "invalid_value"),
            ("q=%20", "/q", "invalid_value"),
            (&format!("q={}", "x".repeat(255)), "/q", "invalid_value"),
            ("q=a%00", "/q", "invalid_value"),
            ("q=%ff", "/q", "invalid_value"),
            ("q=a&q=b", "/q", "repeated"),
            ("q=ada&sort=email", "/sort", "not_with_q"),
            ("q=ada&sort=-created_at", "/sort", "not_with_q"),
        ] {
            let refused = admin.get(&format!("{USERS}?{query}")).await.refused(400, "invalid_query");
            assert_eq!(refused.faults(), [(pointer.into(), code.into())], "{query}");
        }
        admin.get(&format!("{USERS}?q={}", "x".repeat(254))).await.expect(200);
        admin.get(&format!("{USERS}?q={}", encoded(&"\u{FDFA}".repeat(254)))).await.expect(200);
        admin.get(&format!("{USERS}?q={}", encoded("\u{10FFFF}"))).await.expect(200);
    }

    async fn a_cursor_is_good_for_its_own_search_only(app: App) {
        let admin = crowd(&app).await;
        let page = admin.get(&format!("{USERS}?q=ada&limit=1")).await.expect(200).json();
        let cursor = page["next_cursor"].as_str().unwrap();
        for other in ["q=adam", "q=ad", "limit=1", "q=ada&status=active", "sort=email"] {
            let path = format!("{USERS}?{other}&cursor={cursor}");
            admin.get(&path).await.refused(400, "invalid_cursor");
        }
        let cut = &cursor[..cursor.len() - 4];
        admin.get(&format!("{USERS}?q=ada&cursor={cut}")).await.refused(400, "invalid_cursor");
        // In whichever case it is asked for, it is the same search.
        admin.get(&format!("{USERS}?q=ADA&limit=1&cursor={cursor}")).await.expect(200);
    }
}
