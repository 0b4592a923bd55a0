//! The roles there are and the permissions there are, in pages.

use serde_json::{Value, json};

use super::{ROLES, create, path};
use crate::harness::{App, Client, behaviour};

const PERMISSIONS: &str = "/api/v1/permissions";

fn names(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// All names, read page by page along the `Link` headers.
async fn walk(client: &Client, list: &str, limit: usize) -> Vec<String> {
    let (mut at, mut found) = (format!("{list}?limit={limit}"), Vec::new());
    loop {
        let reply = client.get(&at).await.expect(200);
        let body = reply.json();
        let items = names(&body["items"]);
        assert!(items.len() <= limit);
        found.extend(items);
        let Some(link) = reply.header("link") else {
            assert_eq!(body["next_cursor"], json!(null));
            return found;
        };
        at = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        assert!(at.contains(body["next_cursor"].as_str().unwrap()) && at.starts_with(list), "{link}");
    }
}

behaviour! {
    async fn roles_are_listed_by_name_with_what_they_permit(app: App) {
        let admin = app.admin().await;
        for name in ["zoo", "auditor", "a-b", "a_b", "ab"] {
            create(&admin, name, &["audit:read"]).await.expect(201);
        }
        let all = ["a-b", "a_b", "ab", "admin", "auditor", "user", "zoo"];
        for limit in [1, 2, 3, 6, 7, 100] {
            assert_eq!(walk(&admin, ROLES, limit).await, all, "limit {limit}");
        }
        let page = admin.get(&format!("{ROLES}?limit=2&include_total=true")).await.expect(200).json();
        assert_eq!(page["total"], 7);
        let page = admin.get(ROLES).await.expect(200).json();
        assert_eq!(page.get("total"), None);
        for item in page["items"].as_array().unwrap() {
            let single = admin.get(&path(item["name"].as_str().unwrap())).await.expect(200).json();
            assert_eq!(*item, single, "a list shows what the single resource shows");
        }
    }

    async fn admin_holds_every_permission_and_user_none(app: App) {
        let admin = app.admin().await;
        let all = walk(&admin, PERMISSIONS, 100).await;
        assert_eq!(admin.get(&path("admin")).await.expect(200).json()["permissions"], json!(all));
        assert_eq!(admin.get(&path("user")).await.expect(200).json()["permissions"], json!([]));
        let tagged = admin.get(&path("admin")).await;
        let tag = tagged.header("etag").unwrap();
        admin.get(&path("admin")).header("if-none-match", tag).await.expect(304);
    }

    async fn permissions_are_listed_by_name_and_say_what_they_are_for(app: App) {
        let admin = app.admin().await;
        let page = admin.get(&format!("{PERMISSIONS}?limit=100&include_total=true")).await.expect(200).json();
        let all = names(&page["items"]);
        assert!(all.is_sorted() && all.len() >= 7 && page["total"] == all.len(), "{page}");
        for known in ["audit:read", "roles:assign", "roles:read", "roles:write", "users:delete", "users:read", "users:write"] {
            assert!(all.iter().any(|name| name == known), "{known} in {all:?}");
        }
        for item in page["items"].as_array().unwrap() {
            assert!(item["description"].as_str().is_some_and(|text| text.len() > 4), "{item}");
        }
        for limit in [1, 3, all.len(), all.len() - 1] {
            assert_eq!(walk(&admin, PERMISSIONS, limit).await, all, "limit {limit}");
        }
        // Each of them can be given.
        let permissions: Vec<&str> = all.iter().map(String::as_str).collect();
        let made = create(&admin, "everything", &permissions).await.expect(201).json();
        assert_eq!(made["permissions"], json!(all));
    }

    async fn a_query_with_a_fault_and_a_foreign_cursor_are_refused(app: App) {
        let admin = app.admin().await;
        for list in [ROLES, PERMISSIONS] {
            for (query, pointer, code) in [
                ("limit=0", "/limit", "not_in_range"),
                ("limit=101", "/limit", "not_in_range"),
                ("sort=password", "/sort", "unknown_field"),
                ("include_total=maybe", "/include_total", "wrong_type"),
            ] {
                let refused = admin.get(&format!("{list}?{query}")).await.refused(400, "invalid_query");
                assert_eq!(refused.faults(), [(pointer.into(), code.into())], "{list}?{query}");
            }
        }
        let cursor = async |list: &str| {
            let page = admin.get(&format!("{list}?limit=1")).await.expect(200).json();
            page["next_cursor"].as_str().unwrap().to_owned()
        };
        let (roles, permissions) = (cursor(ROLES).await, cursor(PERMISSIONS).await);
        let changed = format!("{}A", &roles[..roles.len() - 1]);
        for (list, cursor) in
            [(ROLES, permissions.as_str()), (PERMISSIONS, &roles), (ROLES, "x"), (ROLES, ""), (ROLES, &changed)]
        {
            if list != ROLES || cursor != roles {
                admin.get(&format!("{list}?limit=1&cursor={cursor}")).await.refused(400, "invalid_cursor");
            }
        }
        admin.get(&format!("{ROLES}?limit=5&cursor={roles}")).await.expect(200);
    }
}
