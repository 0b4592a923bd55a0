//! PostgreSQL gives up a transaction for the sake of others, or waits for one that nobody goes on with.

use futures_util::poll;
use serde_json::json;
use stead::config::Pooler;
use stead::db::DbError;
use tokio::task::yield_now;

use super::problem;
use crate::harness::Stage;

const NOTES: &str = "/api/v1/notes";

/// Fails as the title of the note says (SQLSTATE).
const GIVE_UP: &str = "CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'given up' USING ERRCODE = NEW.title; END $$";
const EACH_TIME: &str =
    "CREATE TRIGGER give_up BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION give_up()";

#[tokio::test]
async fn what_the_database_gave_up_for_others_is_answered_with_when_to_come_back() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.start().await;
    let ada = app.user().await;
    let mut tx = app.state.db.write().await.unwrap();
    tx.query(GIVE_UP).execute().await.unwrap();
    tx.query(EACH_TIME).execute().await.unwrap();
    tx.commit().await.unwrap();
    // A transaction that cannot be put in order with others, and a deadlock.
    let given_up = ["40001", "40P01"];
    for state in given_up {
        let reply = ada.post(NOTES, json!({"title": state})).header("idempotency-key", state).await;
        let reply = problem(reply, 503, "database_unavailable");
        assert_eq!(reply.header("retry-after"), Some("1"), "{state}");
    }
    let mut tx = app.state.db.write().await.unwrap();
    tx.query("DROP TRIGGER give_up ON notes").execute().await.unwrap();
    tx.commit().await.unwrap();
    for state in given_up {
        ada.post(NOTES, json!({"title": state})).header("idempotency-key", state).await.expect(201);
    }
    assert_eq!(ada.get(NOTES).await.json()["items"].as_array().unwrap().len(), given_up.len());
}

/// Fails so often as the body of the note says, and then no more. A sequence remembers what is given up.
const GIVE_UP_AT_FIRST: &str = "CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF nextval('attempts') <= NEW.body::int THEN RAISE EXCEPTION 'given up' USING ERRCODE = NEW.title; END IF;
    RETURN NEW; END $$";

#[tokio::test]
async fn what_the_database_gave_up_for_others_is_done_again_once() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.start().await;
    let ada = app.user().await;
    let mut tx = app.state.db.write().await.unwrap();
    for statement in ["CREATE SEQUENCE attempts", GIVE_UP_AT_FIRST, EACH_TIME] {
        tx.query(statement).execute().await.unwrap();
    }
    tx.commit().await.unwrap();
    for state in ["40001", "40P01"] {
        let mut tx = app.state.db.write().await.unwrap();
        tx.query("ALTER SEQUENCE attempts RESTART").execute().await.unwrap();
        tx.commit().await.unwrap();
        let new = json!({"title": state, "body": "2"});
        ada.post(NOTES, new.clone()).header("idempotency-key", state).await.expect(201);
        ada.post(NOTES, new).header("idempotency-key", state).await.expect(201);
    }
    assert_eq!(ada.get(NOTES).await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_transaction_that_nobody_goes_on_with_holds_the_others_up_for_a_moment_only() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.with("database.statement_timeout", "6s").start().await;
    let ada = app.user().await;
    let note = ada.post(NOTES, json!({"title": "held"})).await.expect(201);
    // As PostgreSQL sees a server whose line fell silent in the middle.
    let mut forgotten = app.state.db.write().await.unwrap();
    forgotten.query("UPDATE notes SET title = title").execute().await.unwrap();
    let path = note.header("location").unwrap().to_owned();
    ada.patch(&path, json!({"title": "free"})).await.expect(200);
    let over = forgotten.query("UPDATE notes SET title = title").execute().await.unwrap_err();
    assert!(matches!(over, DbError::Unavailable(_)), "{over}");
}

#[tokio::test]
async fn a_transaction_that_is_given_up_while_it_begins_is_not_left_open() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.start().await;
    // From here on there is a connection, and to begin is all that takes time.
    drop(app.state.db.write().await.unwrap());
    for turns in 0.. {
        let mut begun = Box::pin(app.state.db.write());
        for _ in 0..turns {
            if poll!(&mut begun).is_ready() {
                return;
            }
            yield_now().await;
        }
        drop(begun);
        stage.until_no_transaction_is_forgotten().await;
    }
}

#[tokio::test]
async fn postgres_forgets_connections_that_fell_silent_after_half_a_minute() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.start().await;
    if app.state.config.database.pooler == Pooler::Transaction {
        return;
    }
    let mut db = app.state.db.read().await.unwrap();
    let asked: Vec<(String,)> = db
        .query("SELECT setting FROM pg_settings WHERE name LIKE 'tcp_keepalives_%' ORDER BY name")
        .fetch_all()
        .await
        .unwrap();
    // Count, idle, interval.
    assert_eq!(asked, [("4".to_owned(),), ("10".to_owned(),), ("5".to_owned(),)]);
}
