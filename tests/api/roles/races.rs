//! Changes of one role that meet.

use futures_util::future::join_all;
use serde_json::json;

use super::{create, give, path};
use crate::harness::{App, behaviour};

behaviour! {
    async fn of_many_changes_to_one_version_one_is_made(app: App) {
        let admin = app.admin().await;
        create(&admin, "auditor", &[]).await.expect(201);
        let at = path("auditor");
        // The first round finds few connections open, and its requests come one after the other.
        for round in 0..4 {
            let tag = admin.get(&at).await.header("etag").unwrap().to_owned();
            let changes = (0..32).map(|n| {
                let change = admin.patch(&at, json!({"description": format!("{n}")})).header("if-match", &tag);
                async move { change.await.status.as_u16() }
            });
            let mut statuses = join_all(changes).await;
            statuses.sort_unstable();
            assert_eq!(statuses, [vec![200], vec![412; 31]].concat(), "round {round}");
        }
    }

    async fn of_many_who_make_a_role_of_one_name_one_does(app: App) {
        let admin = app.admin().await;
        let makers = (0..16).map(|_| async { create(&admin, "auditor", &["audit:read"]).await.status.as_u16() });
        let mut statuses = join_all(makers).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![201], vec![409; 15]].concat());
    }

    async fn a_role_is_either_given_or_deleted_and_never_an_error_of_ours(app: App) {
        let admin = app.admin().await;
        let people = [app.user().await, app.user().await, app.user().await];
        for round in 0..12 {
            create(&admin, "auditor", &["audit:read"]).await.expect(201);
            let at = path("auditor");
            let given = join_all(people.iter().map(|person| give(&admin, &person.id, json!(["user", "auditor"]))));
            let deletion = async {
                for _ in 0..round % 4 {
                    tokio::task::yield_now().await;
                }
                admin.delete(&at).await
            };
            let (given, deleted) = tokio::join!(given, deletion);
            let kept = given.iter().filter(|reply| reply.status == 200).count();
            for reply in given.iter().filter(|reply| reply.status != 200) {
                assert_eq!(reply.clone().refused(422, "validation_failed").faults()[0].1, "unknown_role");
            }
            match deleted.status.as_u16() {
                204 => assert_eq!(kept, 0, "round {round}: it was given and is gone"),
                409 => assert!(kept > 0, "round {round}: {}", deleted.text()),
                _ => panic!("{}", deleted.text()),
            }
            for person in &people {
                give(&admin, &person.id, json!(["user"])).await.expect(200);
            }
            if deleted.status == 409 {
                admin.delete(&at).await.expect(204);
            }
        }
    }
}
