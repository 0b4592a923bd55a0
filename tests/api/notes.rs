//! Notes: each has an owner, and is nobody else's business.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use stead::base::id::UserId;

use crate::harness::{App, Client, behaviour};

const NOTES: &str = "/api/v1/notes";
const UNKNOWN: &str = "/api/v1/notes/01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa";

/// Writes a note; its path.
async fn note(owner: &Client, title: &str) -> String {
    let reply = owner.post(NOTES, json!({"title": title})).await.expect(201);
    reply.header("location").unwrap().to_owned()
}

fn titles(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|note| note["title"].as_str().unwrap().to_owned()).collect()
}

async fn listed(client: &Client, query: &str) -> Vec<String> {
    titles(&client.get(&format!("{NOTES}?{query}")).await.expect(200).json())
}

/// All titles, read page by page along the `Link` headers, after `between` was done at each page.
async fn walk(client: &Client, query: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let mut path = format!("{NOTES}?{query}");
    let mut found = Vec::new();
    for page in 0..100 {
        let reply = client.get(&path).await.expect(200);
        found.extend(titles(&reply.json()));
        let Some(link) = reply.header("link") else {
            assert_eq!(reply.json()["next_cursor"], Value::Null);
            return found;
        };
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        between(page).await;
    }
    panic!("a list ends")
}

/// Seven notes, some of the same moment, some of the same title.
async fn shelf(app: &App, owner: &Client) {
    for (number, title) in ["d", "a", "c", "b", "a", "e", "C"].into_iter().enumerate() {
        if number % 2 == 0 {
            app.later(Duration::from_secs(60));
        }
        note(owner, title).await;
    }
}

behaviour! {
    async fn a_note_is_written_read_changed_and_deleted_by_its_owner(app: App) {
        let ada = app.user().await;
        let written = ada.post(NOTES, json!({"title": " Groceries ", "body": "Bread\nand cheese"})).await.expect(201);
        let path = written.header("location").unwrap();
        let made = written.json();
        assert_eq!(made, json!({
            "id": path.rsplit('/').next(), "owner_id": ada.id, "title": "Groceries", "body": "Bread\nand cheese",
            "created_at": "2030-01-01T08:00:00.000000Z", "updated_at": "2030-01-01T08:00:00.000000Z",
        }));
        assert_eq!(ada.get(path).await.expect(200).json(), made);

        app.later(Duration::from_secs(60));
        let changed = ada.patch(path, json!({"title": "Supper", "body": null})).await.expect(200);
        let expected = json!({
            "id": made["id"], "owner_id": ada.id, "title": "Supper", "body": null,
            "created_at": "2030-01-01T08:00:00.000000Z", "updated_at": "2030-01-01T08:01:00.000000Z",
        });
        assert_eq!(changed.json(), expected);
        let read = ada.get(path).await.expect(200);
        assert_eq!((read.json(), read.header("etag")), (expected, changed.header("etag")));

        ada.delete(path).await.expect(204);
        ada.get(path).await.refused(404, "not_found");
        ada.patch(path, json!({"title": "x"})).await.refused(404, "not_found");
        ada.delete(path).await.refused(404, "not_found");
    }

    async fn a_patch_leaves_what_it_does_not_name(app: App) {
        let ada = app.user().await;
        let path = note(&ada, "Title").await;
        ada.patch(&path, json!({"body": "Body"})).await.expect(200);
        let merged = ada.request("PATCH", &path).body("application/merge-patch+json", r#"{"title": "New"}"#).await;
        let merged = merged.expect(200).json();
        assert_eq!((&merged["title"], &merged["body"]), (&json!("New"), &json!("Body")));
        let same = ada.patch(&path, json!({})).await.expect(200).json();
        assert_eq!((&same["title"], &same["body"]), (&json!("New"), &json!("Body")));
    }

    async fn every_fault_of_a_note_is_named(app: App) {
        let ada = app.user().await;
        let path = note(&ada, "Title").await;
        let long = ("x".repeat(201), "x".repeat(10_001));
        for (body, faults) in [
            (json!({}), vec![("/title", "required")]),
            (json!({"title": "  "}), vec![("/title", "too_short")]),
            (json!({"title": "a\nb"}), vec![("/title", "invalid_characters")]),
            (json!({"title": long.0, "body": long.1}), vec![("/body", "too_long"), ("/title", "too_long")]),
            (json!({"title": 7, "body": []}), vec![("/body", "wrong_type"), ("/title", "wrong_type")]),
        ] {
            let faults: Vec<_> = faults.into_iter().map(|(at, code)| (at.to_owned(), code.to_owned())).collect();
            assert_eq!(ada.post(NOTES, body.clone()).await.refused(422, "validation_failed").faults(), faults);
            if body != json!({}) {
                assert_eq!(ada.patch(&path, body).await.refused(422, "validation_failed").faults(), faults);
            }
        }
        ada.patch(&path, json!({"title": null})).await.refused(422, "validation_failed");
        for field in ["id", "owner_id", "created_at", "updated_at", "version"] {
            ada.post(NOTES, json!({"title": "x", field: "x"})).await.refused(422, "unknown_field");
            ada.patch(&path, json!({field: "x"})).await.refused(422, "unknown_field");
        }
        assert_eq!(listed(&ada, "").await, ["Title"]);
    }

    async fn somebody_elses_note_does_not_exist(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let path = note(&ada, "Ada's").await;
        for client in [&bob, &app.holder(&["users:write"]).await] {
            assert_eq!(listed(client, "").await, Vec::<String>::new());
            for (theirs, none) in [
                (client.get(&path).await, client.get(UNKNOWN).await),
                (client.patch(&path, json!({"title": "Bob's"})).await, client.patch(UNKNOWN, json!({})).await),
                (client.delete(&path).await, client.delete(UNKNOWN).await),
                (client.delete(&path).header("if-match", "\"1\"").await, client.delete(UNKNOWN).await),
            ] {
                let (theirs, none) = (theirs.refused(404, "not_found"), none.refused(404, "not_found"));
                assert_eq!(theirs.seen(), none.seen());
            }
            client.get(&format!("{NOTES}?owner_id={}", ada.id)).await.refused(403, "forbidden");
        }
        assert_eq!(bob.get(&format!("{NOTES}?owner_id={}", bob.id)).await.expect(200).json()["items"], json!([]));
        assert_eq!(ada.get(&path).await.expect(200).json()["title"], "Ada's");
        for call in [app.anonymous().get(NOTES), app.anonymous().get(&path), app.anonymous().delete(&path)] {
            call.await.refused(401, "unauthenticated");
        }
    }

    async fn who_may_read_all_notes_reads_them_and_changes_none(app: App) {
        let ada = app.user().await;
        let path = note(&ada, "Ada's").await;
        for reader in [app.holder(&["notes:read_all"]).await, app.admin().await] {
            assert_eq!(reader.get(&path).await.expect(200).json()["title"], "Ada's");
            assert_eq!(listed(&reader, &format!("owner_id={}", ada.id)).await, ["Ada's"]);
            assert_eq!(listed(&reader, "").await, Vec::<String>::new(), "their own, if nobody is named");
            reader.patch(&path, json!({"title": "x"})).await.refused(404, "not_found");
            reader.delete(&path).await.refused(404, "not_found");
        }
        assert_eq!(listed(&ada, "").await, ["Ada's"]);
    }

    async fn an_etag_saves_a_transfer_and_a_lost_update(app: App) {
        let ada = app.user().await;
        let path = note(&ada, "One").await;
        let tag = ada.get(&path).await.expect(200).header("etag").unwrap().to_owned();
        let known = ada.get(&path).header("if-none-match", &tag).await.expect(304);
        assert!(known.body.is_empty() && known.header("etag") == Some(&tag));

        let changed = ada.patch(&path, json!({"title": "Two"})).header("if-match", &tag).await.expect(200);
        assert_ne!(changed.header("etag"), Some(tag.as_str()));
        ada.get(&path).header("if-none-match", &tag).await.expect(200);
        ada.patch(&path, json!({"title": "Three"})).header("if-match", &tag).await.refused(412, "precondition_failed");
        ada.delete(&path).header("if-match", &tag).await.refused(412, "precondition_failed");
        assert_eq!(ada.get(&path).await.expect(200).json()["title"], "Two");
        ada.delete(&path).header("if-match", changed.header("etag").unwrap()).await.expect(204);
    }

    async fn of_32_changes_of_one_version_one_is_made(app: App) {
        let ada = app.user().await;
        let path = note(&ada, "Before").await;
        let tag = ada.get(&path).await.expect(200).header("etag").unwrap().to_owned();
        let change = |n: usize| ada.patch(&path, json!({"title": format!("Change {n}")})).header("if-match", &tag);
        let calls: Vec<_> = (0..32).map(|n| tokio::spawn(change(n).into_future())).collect();
        let mut made = Vec::new();
        for call in calls {
            let reply = call.await.unwrap();
            match reply.status.as_u16() {
                200 => made.push(reply.json()["title"].clone()),
                _ => _ = reply.refused(412, "precondition_failed"),
            }
        }
        assert_eq!(made.len(), 1);
        assert_eq!(ada.get(&path).await.json()["title"], made[0]);
    }

    async fn changes_that_name_no_version_all_are_made_one_after_the_other(app: App) {
        let ada = app.user().await;
        let path = note(&ada, "Before").await;
        let calls: Vec<_> =
            (0..16).map(|n| tokio::spawn(ada.patch(&path, json!({"title": n.to_string()})).into_future())).collect();
        let mut tags = BTreeSet::new();
        for call in calls {
            tags.insert(call.await.unwrap().expect(200).header("etag").unwrap().to_owned());
        }
        assert_eq!(tags.len(), 16, "each made a version of its own");
    }

    async fn every_order_is_kept_over_ties(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        note(&bob, "Bob's").await;
        shelf(&app, &ada).await;
        let all = ada.get(&format!("{NOTES}?limit=100")).await.json()["items"].as_array().unwrap().clone();
        assert_eq!(all.len(), 7);
        for field in ["created_at", "title"] {
            let mut expected = all.clone();
            expected.sort_by_key(|note| [field, "id"].map(|part| note[part].as_str().unwrap().to_owned()));
            let mut expected = titles(&json!({"items": expected}));
            for limit in [1, 2, 3, 100] {
                assert_eq!(walk(&ada, &format!("sort={field}&limit={limit}"), async |_| {}).await, expected);
            }
            expected.reverse();
            for limit in [1, 2, 3, 100] {
                assert_eq!(walk(&ada, &format!("sort=-{field}&limit={limit}"), async |_| {}).await, expected);
            }
        }
        assert_eq!(listed(&ada, "").await, listed(&ada, "sort=-created_at").await, "newest first unless asked");
    }

    async fn pages_neither_skip_nor_repeat_what_stays_while_others_write(app: App) {
        let ada = app.user().await;
        shelf(&app, &ada).await;
        for sort in ["created_at", "-created_at", "title", "-title"] {
            let before = note(&ada, "0 goes").await;
            let after = note(&ada, "z goes").await;
            let found = walk(&ada, &format!("sort={sort}&limit=2"), async |page| {
                if page < 3 {
                    let writers = (0..8).map(|n| {
                        tokio::spawn(ada.post(NOTES, json!({"title": format!("{n} comes")})).into_future())
                    });
                    for writer in writers.collect::<Vec<_>>() {
                        writer.await.unwrap().expect(201);
                    }
                }
                if page == 1 {
                    ada.delete(&before).await.expect(204);
                    ada.delete(&after).await.expect(204);
                }
                app.later(Duration::from_secs(1));
            })
            .await;
            let mut stayed: Vec<_> = found.iter().map(String::as_str).filter(|title| title.len() == 1).collect();
            stayed.sort_unstable();
            assert_eq!(stayed, ["C", "a", "a", "b", "c", "d", "e"], "{sort}: {found:?}");
        }
    }

    async fn a_list_is_narrowed_by_time_and_counted_if_asked(app: App) {
        let ada = app.user().await;
        shelf(&app, &ada).await;
        let (after, before) = ("2030-01-01T08:02:00Z", "2030-01-01T08:04:00Z");
        let query = format!("sort=created_at&created_after={after}&created_before={before}");
        assert_eq!(listed(&ada, &query).await.len(), 4);
        let page = ada.get(&format!("{NOTES}?{query}&limit=3&include_total=true")).await.expect(200).json();
        assert_eq!((titles(&page).len(), &page["total"]), (3, &json!(4)));
        assert_eq!(ada.get(NOTES).await.json().get("total"), None);
    }

    async fn a_bad_query_and_a_cursor_of_another_list_are_refused(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        shelf(&app, &ada).await;
        for (query, pointer) in [("sort=body", "/sort"), ("limit=0", "/limit"), ("owner_id=me", "/owner_id"), ("q=x", "/q")] {
            let refused = ada.get(&format!("{NOTES}?{query}")).await.refused(400, "invalid_query");
            assert_eq!(refused.faults()[0].0, pointer);
        }
        let first = ada.get(&format!("{NOTES}?limit=2")).await.expect(200).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        ada.get(&format!("{NOTES}?limit=3&cursor={cursor}")).await.expect(200);
        for query in [format!("sort=title&cursor={cursor}"), "cursor=x".into(), format!("cursor={}", &cursor[1..])] {
            ada.get(&format!("{NOTES}?{query}")).await.refused(400, "invalid_cursor");
        }
        bob.get(&format!("{NOTES}?cursor={cursor}")).await.refused(400, "invalid_cursor");
    }

    async fn notes_go_with_their_owner(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        note(&ada, "Ada's").await;
        note(&bob, "Bob's").await;
        let mut tx = app.state.db.write().await.unwrap();
        let id: UserId = ada.id.parse().unwrap();
        tx.query("DELETE FROM users WHERE id = $1").bind(id).execute().await.unwrap();
        tx.commit().await.unwrap();
        let left: Vec<(String,)> =
            app.state.db.read().await.unwrap().query("SELECT title FROM notes").fetch_all().await.unwrap();
        assert_eq!(left, [("Bob's".to_owned(),)]);
    }
}
