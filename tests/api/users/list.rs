//! All accounts, in pages, for whoever may see them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, Person, behaviour};

const USERS: &str = "/api/v1/users";

fn emails(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
}

async fn listed(client: &Client, query: &str) -> Vec<String> {
    emails(&client.get(&format!("{USERS}?{query}")).await.expect(200).json())
}

/// All items, read page by page along the `Link` headers, after `between` was done at each page.
async fn walk(client: &Client, query: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let mut path = format!("{USERS}?{query}");
    let mut found = Vec::new();
    for page in 0.. {
        let reply = client.get(&path).await.expect(200);
        let body = reply.json();
        found.extend(emails(&body));
        let Some(cursor) = body["next_cursor"].as_str() else {
            assert_eq!(reply.header("link"), None, "the last page has no next");
            return found;
        };
        let link = reply.header("link").unwrap();
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        assert!(path.contains(cursor) && path.starts_with(USERS), "{link}");
        between(page).await;
    }
    unreachable!("a list ends")
}

/// Registers an account that has not been signed in to.
async fn add(app: &App, name: &str) {
    app.anonymous().register(&format!("{name}@example.com"), PASSWORD).await.expect(201);
}

async fn remove(app: &App, name: &str) {
    let person = app.signed_in(&format!("{name}@example.com"), PASSWORD).await;
    person.delete("/api/v1/users/me").json(json!({"password": PASSWORD})).await.expect(204);
}

/// Accounts made in groups of the same moment, some of them signed in to.
async fn crowd(app: &App) -> Person {
    let admin = app.admin().await;
    for (number, name) in ["anna", "bert", "carl", "dora", "emil", "fred", "gert"].into_iter().enumerate() {
        if number % 3 == 0 {
            app.later(Duration::from_secs(60));
        }
        add(app, name).await;
        if number % 2 == 0 {
            app.signed_in(&format!("{name}@example.com"), PASSWORD).await;
        }
    }
    admin
}

behaviour! {
    async fn only_who_holds_the_permission_sees_the_list(app: App) {
        let anonymous = app.anonymous().get(USERS).await.refused(401, "unauthenticated");
        assert_eq!(anonymous.header("www-authenticate"), Some("Bearer"));
        let user = app.user().await.get(&format!("{USERS}?limit=abc")).await.refused(403, "forbidden");
        let challenge = "Bearer error=\"insufficient_scope\", scope=\"users:read\"";
        assert_eq!(user.header("www-authenticate"), Some(challenge));
        app.admin().await.get(USERS).await.expect(200);
    }

    async fn every_order_is_kept_over_ties_and_over_those_who_never_signed_in(app: App) {
        let admin = crowd(&app).await;
        let all = admin.get(&format!("{USERS}?limit=100")).await.json()["items"].as_array().unwrap().clone();
        for field in ["created_at", "email", "last_login_at"] {
            let mut expected = all.clone();
            // Missing values first, and the id where two are alike; null sorts below any text here.
            let key = |user: &Value| {
                (user[field].as_str().map(str::to_owned), user["id"].as_str().unwrap().to_owned())
            };
            expected.sort_by_key(key);
            let mut expected = emails(&json!({"items": expected}));
            for limit in [1, 2, 3, 100] {
                let query = format!("sort={field}&limit={limit}");
                assert_eq!(walk(&admin, &query, async |_| {}).await, expected, "{query}");
            }
            expected.reverse();
            for limit in [1, 2, 3, 100] {
                let query = format!("sort=-{field}&limit={limit}");
                assert_eq!(walk(&admin, &query, async |_| {}).await, expected, "{query}");
            }
        }
        assert_eq!(
            listed(&admin, "").await,
            listed(&admin, "sort=-created_at").await,
            "newest first unless asked"
        );
    }

    async fn pages_neither_skip_nor_repeat_who_stays_while_others_come_and_go(app: App) {
        let admin = crowd(&app).await;
        let staying = ["anna", "carl", "emil", "gert"].map(|name| format!("{name}@example.com"));
        for (round, sort) in ["created_at", "-created_at", "email", "-email"].into_iter().enumerate() {
            let found = walk(&admin, &format!("sort={sort}&limit=2"), async |page| {
                add(&app, &format!("aaa{round}{page}")).await;
                add(&app, &format!("zzz{round}{page}")).await;
                match page {
                    0 => remove(&app, ["bert", "dora", "fred", "aaa00"][round]).await,
                    _ => remove(&app, &format!("zzz{round}{page}")).await,
                }
                app.later(Duration::from_secs(1));
                assert!(page < 40, "the end is never reached");
            })
            .await;
            for email in &staying {
                assert_eq!(
                    found.iter().filter(|one| *one == email).count(),
                    1,
                    "{sort}: {email} in {found:?}"
                );
            }
        }
    }

    async fn pages_neither_skip_nor_repeat_while_eight_others_make_and_delete_accounts(app: App) {
        let admin = app.admin().await;
        let staying: Vec<_> = (0..60).map(|n| format!("stays{n:02}@example.com")).collect();
        for email in &staying {
            app.later(Duration::from_millis(1));
            let body = json!({"email": email, "display_name": "Some One"});
            admin.post(USERS, body).await.expect(201);
        }
        let writing = (0..8).map(|writer| tokio::spawn(write(app.clone(), admin.clone(), writer)));
        let writers: Vec<_> = writing.collect();
        let mut walks = 0;
        while walks < 12 || writers.iter().any(|writer| !writer.is_finished()) {
            let order = ["sort=created_at", "sort=-created_at", "sort=email", "sort=-email", "sort=last_login_at", "q=s"];
            let query = format!("{}&limit=7", order[walks % order.len()]);
            let found = walk(&admin, &query, async |_| tokio::task::yield_now().await).await;
            let mut once: Vec<_> = found.iter().filter(|email| email.ends_with("@example.com") && email.starts_with("stays")).cloned().collect();
            once.sort();
            assert_eq!(once, staying, "{query}");
            let distinct: BTreeSet<_> = found.iter().collect();
            assert_eq!(distinct.len(), found.len(), "{query}: nobody is there twice");
            walks += 1;
        }
        for writer in writers {
            writer.await.unwrap();
        }
    }

    async fn filters_narrow_the_list_and_the_total_counts_what_they_leave(app: App) {
        let admin = crowd(&app).await;
        app.suspend(&find(&admin, "bert@example.com").await).await;
        assert_eq!(listed(&admin, "status=suspended").await, ["bert@example.com"]);
        assert_eq!(listed(&admin, "role=admin").await, [admin.email.as_str()]);
        assert_eq!(listed(&admin, "role=user&status=active&limit=100").await.len(), 7);
        assert_eq!(listed(&admin, "role=nobody-has-this").await, Vec::<String>::new());

        let page =
            admin.get(&format!("{USERS}?limit=2&status=active&include_total=true")).await.expect(200).json();
        assert_eq!((page["items"].as_array().unwrap().len(), &page["total"]), (2, &json!(7)));
        let page = admin.get(&format!("{USERS}?limit=2")).await.expect(200).json();
        assert_eq!(page.get("total"), None);
    }

    async fn created_after_is_inclusive_and_created_before_is_exclusive(app: App) {
        let admin = crowd(&app).await;
        let first = ["anna", "bert", "carl"].map(|name| format!("{name}@example.com"));
        let (after, before) = ("2030-01-01T08:01:00Z", "2030-01-01T08:02:00Z");
        assert_eq!(
            listed(&admin, &format!("sort=email&created_after={after}&created_before={before}")).await,
            first
        );
        // Any offset is read.
        let (after, before) = ("2030-01-01T10:01:00%2B02:00", "2030-01-01T03:02:00-05:00");
        assert_eq!(
            listed(&admin, &format!("sort=email&created_after={after}&created_before={before}")).await,
            first
        );
        assert_eq!(listed(&admin, "created_before=2030-01-01T08:00:00Z").await, Vec::<String>::new());
        assert_eq!(
            listed(&admin, "created_before=2030-01-01T08:00:00.000001Z").await,
            [admin.email.as_str()]
        );
        assert_eq!(listed(&admin, "created_after=2030-01-01T08:03:00.000001Z").await, Vec::<String>::new());
    }

    async fn deleted_accounts_show_only_to_who_asks_for_them(app: App) {
        let admin = crowd(&app).await;
        remove(&app, "dora").await;
        let gone = "dora@example.com".to_owned();
        assert!(!listed(&admin, "limit=100").await.contains(&gone));
        assert!(!listed(&admin, "limit=100&status=active").await.contains(&gone));
        assert_eq!(listed(&admin, "status=deleted").await, [gone.as_str()]);
        let page = admin.get(&format!("{USERS}?include_total=true")).await.json();
        assert_eq!(page["total"], 7);
    }

    async fn a_query_with_a_fault_names_the_parameter(app: App) {
        let admin = app.admin().await;
        for (query, pointer, code) in [
            ("limit=0", "/limit", "not_in_range"),
            ("limit=101", "/limit", "not_in_range"),
            ("limit=-1", "/limit", "not_in_range"),
            ("limit=abc", "/limit", "not_in_range"),
            ("limit=", "/limit", "not_in_range"),
            ("sort=password_hash", "/sort", "invalid_choice"),
            ("sort=email;drop", "/sort", "invalid_choice"),
            ("status=asleep", "/status", "invalid_choice"),
            ("created_after=yesterday", "/created_after", "invalid_time"),
            ("created_after=2030-01-01", "/created_after", "invalid_time"),
            ("include_total=maybe", "/include_total", "wrong_type"),
            ("colour=red", "/colour", "unknown_field"),
        ] {
            let refused = admin.get(&format!("{USERS}?{query}")).await.refused(400, "invalid_query");
            assert_eq!(refused.faults(), [(pointer.into(), code.into())], "{query}");
        }
        for limit in [1, 100] {
            admin.get(&format!("{USERS}?limit={limit}")).await.expect(200);
        }
    }

    async fn a_cursor_that_was_not_made_here_for_this_list_is_refused(app: App) {
        let admin = crowd(&app).await;
        let first = admin.get(&format!("{USERS}?limit=2&status=active")).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let changed = |at: usize| {
            let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &cursor[..at], &cursor[at + 1..])
        };
        let events = admin.get("/api/v1/audit-events?limit=1").await.expect(200).json();
        let of_another_list = events["next_cursor"].as_str().unwrap();
        let long = "A".repeat(5000);
        for bad in [
            &changed(0),
            &changed(30),
            &changed(cursor.len() / 2),
            &changed(cursor.len() - 3),
            &cursor[..cursor.len() - 1],
            &cursor[..cursor.len() / 2],
            of_another_list,
            "x",
            "",
            "%00",
            "AAAA",
            &long,
        ] {
            let query = format!("limit=2&status=active&cursor={bad}");
            admin.get(&format!("{USERS}?{query}")).await.refused(400, "invalid_cursor");
        }
        for other_list in [
            "limit=2",
            "limit=2&status=pending",
            "status=active&role=user",
            "status=active&sort=email",
            "status=active&sort=created_at",
        ] {
            admin.get(&format!("{USERS}?{other_list}&cursor={cursor}")).await.refused(400, "invalid_cursor");
        }
        // The size of a page is no part of what is listed.
        admin
            .get(&format!("{USERS}?limit=5&status=active&sort=-created_at&cursor={cursor}"))
            .await
            .expect(200);
        let replica = app.stage.start().await;
        let there = replica.anonymous().with_token(&admin.access_token);
        there.get(&format!("{USERS}?limit=2&status=active&cursor={cursor}")).await.expect(200);
    }
}

/// Makes accounts that sort before, among and after the others, and deletes every other of them.
async fn write(app: App, admin: Person, writer: usize) {
    for n in 0..12 {
        app.later(Duration::from_millis(1));
        let first = ["aaa", "stays30", "zzz"][n % 3];
        let body =
            json!({"email": format!("{first}.{writer}.{n}@example.net"), "display_name": "Some Other"});
        let made = admin.post(USERS, body).await.expect(201).json();
        if n % 2 == 0 {
            admin.delete(&format!("{USERS}/{}", made["id"].as_str().unwrap())).await.expect(204);
        }
        tokio::task::yield_now().await;
    }
}

async fn find(admin: &Client, email: &str) -> String {
    let page = admin.get(&format!("{USERS}?limit=100")).await.json();
    let found = page["items"].as_array().unwrap().iter().find(|user| user["email"] == email).cloned();
    found.unwrap()["id"].as_str().unwrap().to_owned()
}
