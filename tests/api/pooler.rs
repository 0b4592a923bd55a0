//! `database.pooler = "transaction"`: what holds behind a real pgbouncer with fewer connections than a server
//! would take. With `STEAD_TEST_POOLER` set, all other tests on PostgreSQL run there, too.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use stead::db::{Db, DbError, Options};

use crate::harness::{App, PASSWORD, POOLED, Stage, behind_a_pooler};

const ME: &str = "/api/v1/users/me";
const NOTES: &str = "/api/v1/notes";

async fn replicas(stage: &Stage) -> [App; 3] {
    [stage.start().await, stage.start().await, stage.start().await]
}

async fn open(stage: &Stage, is_pooled: bool) -> Result<Db, DbError> {
    let second = Duration::from_secs(1);
    let options =
        Options { max_connections: 8, acquire_timeout: second, statement_timeout: second * 10, is_pooled };
    let config = stage.config();
    Db::open(config.database.url.expose(), &options, Default::default()).await
}

#[test]
fn three_replicas_behind_a_pooler_are_one() {
    behind_a_pooler(async |stage| {
        let apps = replicas(&stage.with("auth.email_verification", "required")).await;
        let ada = apps[0].user().await;
        let admin = apps[1].admin().await;

        let refreshes = (0..24).map(|n| apps[n % 3].anonymous().refresh(&ada.refresh_token));
        let pairs = join_all(refreshes.map(|call| async { call.await.expect(200).json() })).await;
        let successors: BTreeSet<_> = pairs.iter().map(|pair| pair["refresh_token"].to_string()).collect();
        assert_eq!(successors.len(), 1, "of 24 at once, all get the same successor");

        let ada = apps[0].person(&pairs[0]);
        let note = json!({"title": "once"});
        let writes = apps.iter().map(|app| {
            let client = app.anonymous().with_token(&ada.access_token);
            client.post(NOTES, note.clone()).header("idempotency-key", "the-same")
        });
        for reply in join_all(writes.map(|call| async { call.await })).await {
            reply.expect(201);
        }
        let list = ada.get(NOTES).await.expect(200).json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1);

        let suspend = format!("/api/v1/users/{}/suspend", ada.id);
        let admin = apps[2].signed_in(&admin.email, PASSWORD).await;
        admin.post(&suspend, json!({})).await.expect(200);
        apps[0].hears().await;
        ada.get(ME).await.expect(401);
    });
}

#[test]
fn a_crowd_that_outnumbers_the_connections_of_the_pooler_is_served() {
    behind_a_pooler(async |stage| {
        let apps = replicas(&stage).await;
        let people = join_all((0..12).map(|n| apps[n % 3].user())).await;
        let calls = (0..150).map(|n| {
            let person = &people[n % people.len()];
            async move {
                match n % 3 {
                    0 => person.post(NOTES, json!({"title": format!("note {n}")})).await.expect(201),
                    1 => person.get(NOTES).await.expect(200),
                    _ => person.get(ME).await.expect(200),
                }
            }
        });
        join_all(calls).await;
        stage.until_no_transaction_is_forgotten().await;
    });
}

#[test]
fn nothing_of_ours_stays_behind_on_a_connection_of_the_pooler() {
    behind_a_pooler(async |stage| {
        let app = stage.start().await;
        let ada = app.user().await;
        ada.post(NOTES, json!({"title": "a note"})).await.expect(201);
        ada.get(NOTES).await.expect(200);
        // As many at once as there are, so each of them is looked at.
        let db = open(&stage, true).await.unwrap();
        let sessions = join_all((0..POOLED).map(|_| db.read())).await;
        for session in sessions {
            let mut session = session.unwrap();
            let kept: Vec<(String,)> =
                session.query("SELECT name FROM pg_prepared_statements").fetch_all().await.unwrap();
            assert_eq!(kept, []);
            let limits: Vec<(String, String, String)> = session
                .query("SELECT name, setting, reset_val FROM pg_settings WHERE name LIKE '%timeout' AND setting <> reset_val ORDER BY name")
                .fetch_all()
                .await
                .unwrap();
            let limits: Vec<_> = limits
                .iter()
                .map(|(name, here, without)| (name.as_str(), here.as_str(), without.as_str()))
                .collect();
            assert_eq!(
                limits,
                [
                    ("idle_in_transaction_session_timeout", "4000", "0"),
                    ("lock_timeout", "5000", "0"),
                    ("statement_timeout", "10000", "0"),
                ],
                "for this transaction, and not for the connection"
            );
        }
    });
}

#[test]
fn whoever_forgets_a_session_leaves_no_transaction_open() {
    behind_a_pooler(async |stage| {
        let db = open(&stage, true).await.unwrap();
        for _ in 0..3 * POOLED {
            let mut session = db.read().await.unwrap();
            session.query("SELECT 1").fetch_one::<(i32,)>().await.unwrap();
            drop(session);
            drop(db.write().await.unwrap());
        }
        // One that is given up while its statement runs.
        let mut session = db.read().await.unwrap();
        let slow = session.query("SELECT 1 FROM pg_sleep(1)").fetch_one::<(i32,)>();
        assert!(tokio::time::timeout(Duration::from_millis(100), slow).await.is_err());
        drop(session);
        stage.until_no_transaction_is_forgotten().await;
        db.read().await.unwrap().query("SELECT 1").fetch_one::<(i32,)>().await.unwrap();
    });
}

#[test]
fn what_reads_cannot_write_there() {
    behind_a_pooler(async |stage| {
        let db = open(&stage, true).await.unwrap();
        let mut session = db.read().await.unwrap();
        let write = session.query("DELETE FROM notes RETURNING 1").fetch_optional::<(i32,)>().await;
        assert!(write.unwrap_err().to_string().contains("read-only transaction"));
    });
}

#[test]
fn to_wait_in_the_queue_of_the_pooler_is_to_wait_for_a_connection() {
    behind_a_pooler(async |stage| {
        let db = open(&stage, true).await.unwrap();
        let held = join_all((0..POOLED).map(|_| db.read())).await;
        assert!(held.iter().all(Result::is_ok));
        let begun = Instant::now();
        assert!(matches!(db.read().await, Err(DbError::Unavailable(_))));
        assert!(matches!(db.write().await, Err(DbError::Unavailable(_))));
        assert!(begun.elapsed() < Duration::from_secs(4), "each waits for a second");
        drop(held);
        // Whoever gave up had begun to read; nobody who writes is to find that on their connection.
        for _ in 0..4 * POOLED {
            let mut tx = db.write().await.unwrap();
            tx.query("DELETE FROM notes").execute().await.unwrap();
            tx.commit().await.unwrap();
        }
        stage.until_no_transaction_is_forgotten().await;
    });
}

#[test]
fn a_lock_is_waited_for_as_long_as_elsewhere() {
    behind_a_pooler(async |stage| {
        let db = open(&stage, true).await.unwrap();
        let mut tx = db.write().await.unwrap();
        let limit = "SELECT current_setting('lock_timeout')";
        tx.wait_for_locks(Some(Duration::from_secs(2))).await.unwrap();
        assert_eq!(tx.query(limit).fetch_one::<(String,)>().await.unwrap().0, "2s");
        tx.wait_for_locks(None).await.unwrap();
        assert_eq!(tx.query(limit).fetch_one::<(String,)>().await.unwrap().0, "5s");
    });
}

#[test]
fn a_server_that_does_not_know_of_the_pooler_is_refused_by_it() {
    behind_a_pooler(async |stage| {
        let db = open(&stage, false).await.unwrap();
        let refused = db.read().await.err().unwrap().to_string();
        assert!(refused.contains("unsupported startup parameter"), "{refused}");
    });
}
