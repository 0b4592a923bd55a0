//! A right password costs no guess, whatever comes of the sign-in; one that was not compared does.

use std::future::IntoFuture;

use stead::base::secret::Password;
use tokio::task::JoinHandle;

use crate::harness::{App, PASSWORD, Person, Reply, Stage, behaviour};

/// One thread makes hashes one after the other, each slow enough for something to happen meanwhile.
async fn slow(stage: Stage) -> App {
    stage.with("auth.hash.memory_kib", 65_536).with("auth.hash.threads", 1).start().await
}

/// Leaves the account with one guess.
async fn nearly_all_guessed(app: &App) -> Person {
    let ada = app.user().await;
    for _ in 0..9 {
        app.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
    }
    ada
}

fn signing_in(app: &App, email: &str, password: &str) -> JoinHandle<Reply> {
    tokio::spawn(app.anonymous().login(email, password).into_future())
}

/// The caller hangs up when their password has been compared, and before anything is made of it.
async fn hang_up_once_compared(app: &App, email: &str, password: &str) {
    let before = app.state.passwords.computed();
    let login = signing_in(app, email, password);
    while app.state.passwords.computed() == before {
        tokio::task::yield_now().await;
    }
    let mut held = app.state.db.write().await.expect("a transaction that holds up all others on SQLite");
    for lock in ["UPDATE users SET version = version", "UPDATE throttles SET used = used"] {
        held.query(lock).execute().await.expect("and these do on PostgreSQL");
    }
    // The thread takes one after the other: when this is done, so is the comparison.
    app.state.passwords.rehash(Password::new("whatever".into())).await.expect("a hash");
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    login.abort();
    assert!(login.await.is_err(), "it waits for the transaction");
}

async fn rename_sessions(app: &App, to_absent: bool) {
    let mut tx = app.state.db.write().await.expect("a transaction");
    let rename = match to_absent {
        true => "ALTER TABLE sessions RENAME TO sessions_away",
        false => "ALTER TABLE sessions_away RENAME TO sessions",
    };
    tx.query(rename).execute().await.expect("it is renamed");
    tx.commit().await.expect("it is done");
}

behaviour! {
    async fn a_right_password_costs_nothing_when_the_sign_in_then_fails(app: App) {
        let ada = app.user().await;
        rename_sessions(&app, true).await;
        for _ in 0..12 {
            let failed = app.anonymous().login(&ada.email, PASSWORD).await;
            assert_eq!(failed.status, 500, "{}", failed.text());
        }
        rename_sessions(&app, false).await;
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn a_right_password_costs_nothing_when_its_owner_hangs_up_once_it_was_compared(stage: Stage) {
        let app = slow(stage).await;
        let ada = nearly_all_guessed(&app).await;
        hang_up_once_compared(&app, &ada.email, PASSWORD).await;
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
        // And it came back once.
        app.anonymous().login(&ada.email, "wrong").await.refused(401, "invalid_credentials");
        app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
    }

    async fn a_wrong_password_costs_a_guess_though_the_caller_hangs_up_once_it_was_compared(stage: Stage) {
        let app = slow(stage).await;
        let ada = nearly_all_guessed(&app).await;
        hang_up_once_compared(&app, &ada.email, "wrong").await;
        app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
    }

    async fn whoever_hangs_up_before_the_comparison_has_used_a_guess_right_or_wrong(stage: Stage) {
        let app = slow(stage).await;
        let ada = nearly_all_guessed(&app).await;
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let passwords = app.state.passwords.clone();
                tokio::spawn(async move { passwords.rehash(Password::new("whatever".into())).await })
            })
            .collect();
        let login = signing_in(&app, &ada.email, PASSWORD);
        loop {
            let mut db = app.state.db.read().await.expect("a connection");
            let most = db.query("SELECT max(used) FROM throttles WHERE consecutive = 9").fetch_one();
            if most.await.is_ok_and(|(used,): (i64,)| used == 10) {
                break;
            }
        }
        login.abort();
        assert!(login.await.is_err(), "it waits for its turn");
        for hash in busy {
            hash.await.expect("it ends").expect("a hash");
        }
        app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
    }
}
