//! What belongs to somebody is not there for anybody else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Operation, all};
use crate::harness::{App, Client, Person, behaviour};

/// Operations on one thing of the caller's own, each with the list in which such things are.
fn own_things(operations: &[Operation]) -> Vec<(&Operation, &str)> {
    let of_caller = operations.iter().filter(|operation| operation.access == "caller");
    of_caller.filter_map(|operation| Some((operation, operation.path.strip_suffix("/{id}")?))).collect()
}

async fn listed(client: &Client, list: &str) -> Value {
    client.get(list).await.expect(200).json()["items"].clone()
}

/// The id of a thing in a list of `owner`'s; where there is none, one is made.
async fn thing(operations: &[Operation], owner: &Person, list: &str) -> String {
    if listed(owner, list).await.as_array().unwrap().is_empty() {
        let made = operations.iter().find(|one| one.method == "POST" && one.path == list);
        made.unwrap_or_else(|| panic!("nothing makes what is in {list}")).call(owner, "").await.expect(201);
    }
    listed(owner, list).await[0]["id"].as_str().unwrap().to_owned()
}

behaviour! {
    async fn another_users_things_are_not_found_and_stay_as_they_are(app: App) {
        let operations = all(&app).await;
        let mut lists = BTreeSet::new();
        for (operation, list) in own_things(&operations) {
            let what = format!("{} {}", operation.method, operation.path);
            let (owner, other) = (app.user().await, app.user().await);
            let id = thing(&operations, &owner, list).await;
            let before = listed(&owner, list).await;
            let hidden = operation.call(&other, &id).await.refused(404, "not_found");
            let nothing = operation.call(&other, "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa").await.refused(404, "not_found");
            assert_eq!(hidden.seen(), nothing.seen(), "{what}: it cannot be told from what is nowhere");
            assert_eq!(listed(&owner, list).await, before, "{what}");
            assert!(!listed(&other, list).await.to_string().contains(&id), "{what}");
            // The owner is the one for whom it is there.
            assert!(operation.call(&owner, &id).await.status.is_success(), "{what}");
            lists.insert(list.to_owned());
        }
        for known in ["/api/v1/auth/sessions", "/api/v1/notes"] {
            assert!(lists.contains(known), "{known} in {lists:?}");
        }
    }
}
