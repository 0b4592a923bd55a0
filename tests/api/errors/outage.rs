//! The database is gone, and comes back.

use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};
use stead::db::DbError;

use super::problem;
use super::proxy::{Line, Proxy};
use crate::harness::{App, PASSWORD, Stage, behaviour};

/// Claims what a server without a database says, to whom it matters.
async fn is_down(app: &App) {
    app.anonymous().get("/health/live").await.expect(200);
    let begun = Instant::now();
    let ready = app.anonymous().get("/health/ready").await.expect(503);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let json = ready.json();
    assert_eq!((&json["status"], &json["checks"]["database"]["status"]), (&"down".into(), &"down".into()));
    app.operator().get("/health/ready").await.expect(503);
}

behaviour! {
    async fn without_a_database_the_answer_is_503_and_when_to_come_back(app: App) {
        let (ada, admin) = (app.user().await, app.admin().await);
        app.state.db.close().await;
        for reply in [
            app.anonymous().login(&ada.email, PASSWORD).await,
            app.anonymous().register("new@example.com", PASSWORD).await,
            app.anonymous().refresh(&ada.refresh_token).await,
            ada.get("/api/v1/users/me").await,
            ada.post("/api/v1/auth/logout", serde_json::json!({})).await,
            admin.get("/api/v1/users").await,
        ] {
            problem(reply, 503, "database_unavailable");
        }
        is_down(&app).await;
        app.anonymous().get("/errors").await.expect(200);
        app.anonymous().get("/.well-known/jwks.json").await.expect(200);
    }
}

#[tokio::test]
async fn a_full_disk_refuses_what_writes_and_ends_nothing_for_good() {
    let app = Stage::on_sqlite().await.start().await;
    let ada = app.user().await;
    // The file may not grow any more: SQLite makes of this what it has, and then says that the disk is full.
    let mut tx = app.state.db.write().await.unwrap();
    let (_,): (i64,) = tx.query("PRAGMA max_page_count = 1").fetch_one().await.unwrap();
    drop(tx);
    let mut made = 0;
    let refused = loop {
        let reply = app.anonymous().register(&format!("full{made}@example.com"), PASSWORD).await;
        if reply.status != 201 {
            break reply;
        }
        made += 1;
        assert!(made < 500, "the disk never filled up");
    };
    problem(refused, 503, "database_unavailable");
    ada.get("/api/v1/users/me").await.expect(200);
    // There is room again (the limit belonged to the connection that failed).
    app.user().await.get("/api/v1/users/me").await.expect(200);
}

/// A server whose way to PostgreSQL leads through a proxy, and which does not wait for long.
async fn behind_a_proxy() -> Option<(App, Proxy)> {
    let stage = Stage::on_postgres().await?;
    let stage = stage.with("server.request_timeout", "3s").with("database.acquire_timeout", "1s");
    Some(led_through_a_proxy(stage.with("database.statement_timeout", "2s")).await)
}

async fn led_through_a_proxy(stage: Stage) -> (App, Proxy) {
    let mut config = stage.config();
    let mut url = url::Url::parse(config.database.url.expose()).unwrap();
    let proxy = Proxy::to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.address.port())).unwrap();
    config.database.url = url.as_str().parse().unwrap();
    (stage.start_as(config).await, proxy)
}

/// Waits until the server says that it is ready again, and claims that it is.
async fn recovers(app: &App, within: Duration) {
    let begun = Instant::now();
    while app.anonymous().get("/health/ready").await.status.as_u16() != 200 {
        assert!(begun.elapsed() < within, "not ready after {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.user().await.get("/api/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn a_postgres_that_stops_and_starts_again_needs_no_restart_of_ours() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let ada = app.user().await;
    proxy.set(Line::Cut);
    is_down(&app).await;
    ada.get("/api/v1/users/me").await.refused(503, "database_unavailable");
    app.anonymous().login(&ada.email, PASSWORD).await.refused(503, "database_unavailable");
    proxy.set(Line::Up);
    recovers(&app, Duration::from_secs(2)).await;
    ada.get("/api/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced_without_an_error() {
    let Some((app, _proxy)) = behind_a_proxy().await else { return };
    let ada = app.user().await;
    let mut tx = app.state.db.write().await.unwrap();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    tx.query(end).execute().await.unwrap();
    drop(tx);
    // Longer than a connection is trusted without a question.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for _ in 0..5 {
        ada.get("/api/v1/users/me").await.expect(200);
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn many_connections_that_fell_silent_while_idle_cost_one_wait() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let ada = app.user().await;
    let ask = (0..8).map(|_| async { ada.get("/api/v1/users/me").await.expect(200) });
    futures_util::future::join_all(ask).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    // What was connected before never hears that the way is mended.
    proxy.set(Line::Silent);
    tokio::time::sleep(Duration::from_millis(50)).await;
    proxy.set(Line::Up);
    for _ in 0..3 {
        ada.get("/api/v1/users/me").await.expect(200);
    }
}

#[tokio::test]
async fn what_gets_no_answer_ends_and_gives_its_connection_back() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let db = &app.state.db;
    let (mut reading, mut writing, committing) =
        (db.read().await.unwrap(), db.write().await.unwrap(), db.write().await.unwrap());
    proxy.set(Line::Silent);
    let begun = Instant::now();
    let (read, written, committed) = tokio::join!(
        reading.query("SELECT 1").fetch_one::<(i32,)>(),
        writing.query("DELETE FROM leases").execute(),
        committing.commit(),
    );
    for error in [read.unwrap_err(), written.unwrap_err(), committed.unwrap_err()] {
        assert!(matches!(error, DbError::Unavailable(_)), "{error}");
    }
    // After the time that the statement had, and the time that somebody waits for a connection.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop((reading, writing));
    proxy.set(Line::Up);
    recovers(&app, Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_network_that_falls_silent_wedges_nothing_for_good() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let ada = app.user().await;
    // Each of so many requests has a connection of its own, as far as there are any.
    let ask = || {
        futures_util::future::join_all(
            (0..40).map(|_| async { ada.get("/api/v1/users/me").await.status.as_u16() }),
        )
    };
    assert!(ask().await.iter().all(|status| *status == 200));
    proxy.set(Line::Silent);
    let statuses = ask().await;
    assert!(statuses.iter().all(|status| [503, 504].contains(status)), "{statuses:?}");
    is_down(&app).await;
    // The way is mended, but what was connected before never hears of it.
    proxy.set(Line::Up);
    recovers(&app, Duration::from_secs(10)).await;
}

#[tokio::test]
async fn whoever_waits_for_a_database_that_is_lost_is_told_long_before_the_time_that_a_statement_has() {
    let Some(stage) = Stage::on_postgres().await else { return };
    // A statement has as long as it is configured to, and so has the wait for one of few connections.
    let stage = stage.with("database.statement_timeout", "60s").with("database.acquire_timeout", "60s");
    let (app, proxy) = led_through_a_proxy(stage.with("database.max_connections", 2)).await;
    let ada = app.user().await;
    for line in [Line::Silent, Line::Cut] {
        proxy.set(line);
        let begun = Instant::now();
        let asked =
            (0..10).map(|_| async { ada.get("/api/v1/notes").await.refused(503, "database_unavailable") });
        futures_util::future::join_all(asked).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{line:?}: {:?}", begun.elapsed());
        // Nobody tries while it is lost, and all are back once it is not.
        let begun = Instant::now();
        app.anonymous().login(&ada.email, PASSWORD).await.refused(503, "database_unavailable");
        assert!(begun.elapsed() < Duration::from_secs(1), "{line:?}: {:?}", begun.elapsed());
        proxy.set(Line::Up);
        recovers(&app, Duration::from_secs(10)).await;
        ada.get("/api/v1/notes").await.expect(200);
    }
}

#[tokio::test]
async fn connections_that_never_come_back_are_not_missed_after_the_database_was_lost() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let stage = stage.with("database.max_connections", 2).with("database.acquire_timeout", "1s");
    let (app, proxy) = led_through_a_proxy(stage).await;
    let ada = app.user().await;
    // As where each fell silent in the moment in which it was given back.
    for _ in 0..2 {
        std::mem::forget(app.state.db.read().await.unwrap());
    }
    ada.get("/api/v1/users/me").await.refused(503, "database_unavailable");
    proxy.set(Line::Cut);
    app.state.access.keep_following().await;
    proxy.set(Line::Up);
    recovers(&app, Duration::from_secs(10)).await;
    ada.get("/api/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn nor_are_those_over_which_the_feed_is_followed() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.with("database.acquire_timeout", "1s").start().await;
    for _ in 0..2 {
        std::mem::forget(app.state.db.look().await.unwrap());
    }
    recovers(&app, Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_database_that_only_read_for_a_while_is_written_again_over_other_connections() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.start().await;
    let ada = app.user().await;
    let mut direct = PgConnection::connect(&stage.direct_url()).await.unwrap();
    let only_reads = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid(); END $$";
    let writes_again = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$";
    let note = || ada.post("/api/v1/notes", serde_json::json!({"title": "a note"}));
    direct.execute(only_reads).await.unwrap();
    for _ in 0..3 {
        problem(note().await, 503, "database_unavailable");
    }
    direct.execute(writes_again).await.unwrap();
    let begun = Instant::now();
    while note().await.status != 201 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it still only reads");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..20 {
        note().await.expect(201);
    }
}

#[tokio::test]
async fn a_slow_statement_is_no_lost_database() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let app = stage.start().await;
    let mut db = app.state.db.read().await.unwrap();
    let (slept,): (i32,) = db.query("SELECT 7 FROM pg_sleep(3)").fetch_one().await.unwrap();
    assert_eq!(slept, 7);
}
