//! A role that is changed is changed for everyone who holds it, at once, on every replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{create, give, path, permit};
use crate::harness::{App, Client, Person, behaviour};

const USERS: &str = "/api/v1/users";
const EVENTS: &str = "/api/v1/audit-events";

/// An admin, and somebody with the role `reader`, which permits to see accounts.
async fn reader(app: &App) -> (Person, Person) {
    let (admin, ada) = (app.admin().await, app.user().await);
    create(&admin, "reader", &["users:read"]).await.expect(201);
    give(&admin, &ada.id, json!(["user", "reader"])).await.expect(200);
    ada.get(USERS).await.expect(200);
    (admin, ada)
}

behaviour! {
    async fn a_permission_that_is_taken_away_is_refused_on_the_next_request_here_and_there(app: App) {
        let (admin, ada) = reader(&app).await;
        let replica = app.stage.start().await;
        let there = replica.anonymous().with_token(&ada.access_token);
        there.get(USERS).await.expect(200);

        permit(&admin, "reader", &[]).await.expect(200);
        ada.get(USERS).await.refused(403, "forbidden");
        replica.hears().await;
        there.get(USERS).await.refused(403, "forbidden");
        // So is one that is given.
        permit(&admin, "reader", &["users:read", "audit:read"]).await.expect(200);
        ada.get(EVENTS).await.expect(200);
        replica.hears().await;
        there.get(EVENTS).await.expect(200);
        there.get(USERS).await.expect(200);
    }

    async fn a_replica_hears_of_a_changed_role_by_itself_within_a_second(app: App) {
        let (admin, ada) = reader(&app).await;
        let replica = app.stage.start().await;
        let there = replica.anonymous().with_token(&ada.access_token);
        there.get(USERS).await.expect(200);
        permit(&admin, "reader", &[]).await.expect(200);
        let begun = Instant::now();
        while there.get(USERS).await.status != 403 {
            assert!(begun.elapsed() < Duration::from_secs(1), "still believed after {:?}", begun.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn nobody_is_let_through_after_the_answer_while_requests_keep_coming(app: App) {
        let (admin, ada) = reader(&app).await;
        for round in 0..5 {
            permit(&admin, "reader", &["users:read"]).await.expect(200);
            let taken = Arc::new(AtomicBool::new(false));
            let callers = (0..8).map(|_| {
                let (client, taken): (Client, _) = ((*ada).clone(), taken.clone());
                async move {
                    let (mut before, mut after) = (0, 0);
                    while after < 5 {
                        let is_taken = taken.load(Ordering::SeqCst);
                        let status = client.get(USERS).await.status.as_u16();
                        assert!(matches!(status, 200 | 403), "{status}");
                        assert!(!is_taken || status == 403, "round {round}: let in after it was taken away");
                        if is_taken { after += 1 } else { before += 1 }
                        tokio::task::yield_now().await;
                    }
                    before
                }
            });
            let change = async {
                tokio::time::sleep(Duration::from_millis(30)).await;
                permit(&admin, "reader", &[]).await.expect(200);
                taken.store(true, Ordering::SeqCst);
            };
            let (before, ()) = tokio::join!(futures_util::future::join_all(callers), change);
            assert!(before.iter().all(|count| *count > 0), "each asked while it was still so: {before:?}");
        }
    }

    async fn a_change_that_was_refused_changes_nothing_for_who_holds_the_role(app: App) {
        let (admin, ada) = reader(&app).await;
        permit(&admin, "reader", &["users:fly"]).await.expect(422);
        admin.patch(&path("reader"), json!({"permissions": []})).header("if-match", "\"9\"").await.expect(412);
        admin.delete(&path("reader")).await.expect(409);
        ada.get(USERS).await.expect(200);
        app.later(Duration::from_secs(61));
        ada.get(USERS).await.expect(200);
    }
}
