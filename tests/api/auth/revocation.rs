//! What ended is over at once, here and on every other replica, though callers are remembered.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stead::db::Change;

use crate::harness::{App, Client, PASSWORD, Person, behaviour};

const ME: &str = "/api/v1/users/me";
const USERS: &str = "/api/v1/users";
const NEW: &str = "another horse and its battery";

/// A second replica, on which `person` has been seen.
async fn elsewhere(app: &App, person: &Person) -> (App, Client) {
    let replica = app.stage.start().await;
    let there = replica.anonymous().with_token(&person.access_token);
    there.get(ME).await.expect(200);
    (replica, there)
}

/// How many statements a request takes.
async fn statements(app: &App, client: &Client, path: &str) -> u64 {
    let before = app.state.db.statements();
    client.get(path).await.expect(200);
    app.state.db.statements() - before
}

/// What ends the session of `ada`, by name.
async fn end(app: &App, admin: &Person, ada: &Person, cause: &str) {
    let user = format!("{USERS}/{}", ada.id);
    let done = match cause {
        "logout" => ada.request("POST", "/api/v1/auth/logout").await,
        "ending it in the list" => {
            let sessions = ada.get("/api/v1/auth/sessions").await.json();
            let id = sessions["items"][0]["id"].as_str().unwrap().to_owned();
            ada.delete(&format!("/api/v1/auth/sessions/{id}")).await
        }
        "ending all others" => {
            app.signed_in(&ada.email, PASSWORD).await.delete("/api/v1/auth/sessions").await
        }
        "a change of password" => {
            let other = app.signed_in(&ada.email, PASSWORD).await;
            let body = json!({"current_password": PASSWORD, "new_password": NEW});
            other.post("/api/v1/auth/password/change", body).await
        }
        "a reset" => {
            // After the mail of the registration.
            app.later(Duration::from_secs(1));
            app.anonymous()
                .post("/api/v1/auth/password/forgot", json!({"email": ada.email}))
                .await
                .expect(202);
            let body = json!({"token": app.mailed_token(&ada.email).await, "new_password": NEW});
            app.anonymous().post("/api/v1/auth/password/reset", body).await
        }
        "an admin who ends all" => admin.delete(&format!("{user}/sessions")).await,
        "suspension" => admin.post(&format!("{user}/suspend"), json!({})).await,
        "deletion" => admin.delete(&user).await,
        "a used refresh token" => {
            let refreshed = app.anonymous().refresh(&ada.refresh_token).await.expect(200).json();
            app.anonymous().refresh(refreshed["refresh_token"].as_str().unwrap()).await.expect(200);
            app.anonymous().refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
            return;
        }
        other => panic!("{other}"),
    };
    assert!(done.status.is_success(), "{cause}: {}", done.text());
}

behaviour! {
    async fn who_is_known_costs_the_database_nothing(app: App) {
        let ada = app.user().await;
        let (first, second) = (statements(&app, &ada, ME).await, statements(&app, &ada, ME).await);
        assert_eq!(first - second, 1, "the one that asks who a session belongs to");
        app.later(Duration::from_secs(60));
        assert_eq!(statements(&app, &ada, ME).await, first, "asked again after a minute");
    }

    async fn whatever_ends_a_session_is_heard_on_every_replica(app: App) {
        let admin = app.admin().await;
        for cause in [
            "logout",
            "ending it in the list",
            "ending all others",
            "a change of password",
            "a reset",
            "an admin who ends all",
            "suspension",
            "deletion",
            "a used refresh token",
        ] {
            let ada = app.user().await;
            ada.get(ME).await.expect(200);
            let (replica, there) = elsewhere(&app, &ada).await;
            end(&app, &admin, &ada, cause).await;
            assert_eq!(ada.get(ME).await.status, 401, "{cause}, here");
            replica.hears().await;
            assert_eq!(there.get(ME).await.status, 401, "{cause}, there");
        }
    }

    async fn a_role_that_was_taken_away_is_gone_on_every_replica(app: App) {
        let (admin, second) = (app.admin().await, app.admin().await);
        let replica = app.stage.start().await;
        let there = replica.anonymous().with_token(&second.access_token);
        second.get(USERS).await.expect(200);
        there.get(USERS).await.expect(200);
        let roles = json!({"roles": ["user"]});
        admin.request("PUT", &format!("{USERS}/{}/roles", second.id)).json(roles).await.expect(200);
        second.get(USERS).await.refused(403, "forbidden");
        replica.hears().await;
        there.get(USERS).await.refused(403, "forbidden");
    }

    async fn a_replica_hears_by_itself_within_a_second(app: App) {
        let ada = app.user().await;
        let (_replica, there) = elsewhere(&app, &ada).await;
        ada.request("POST", "/api/v1/auth/logout").await.expect(204);
        let begun = std::time::Instant::now();
        while there.get(ME).await.status != 401 {
            assert!(begun.elapsed() < Duration::from_secs(5), "it does not hear");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn many_ends_at_once_on_two_replicas_are_all_heard_on_a_third(app: App) {
        let (second, third) = (app.stage.start().await, app.stage.start().await);
        let email = app.user().await.email;
        let people = join_all((0..24).map(|_| app.signed_in(&email, PASSWORD))).await;
        for person in &people {
            third.anonymous().with_token(&person.access_token).get(ME).await.expect(200);
        }
        join_all(people.iter().enumerate().map(|(n, person)| {
            let replica = if n % 2 == 0 { &app } else { &second };
            replica.anonymous().with_token(&person.access_token).request("POST", "/api/v1/auth/logout").into_future()
        }))
        .await
        .into_iter()
        .for_each(|reply| drop(reply.expect(204)));
        third.hears().await;
        for person in &people {
            third.anonymous().with_token(&person.access_token).get(ME).await.refused(401, "invalid_token");
        }
    }

    async fn who_missed_too_much_forgets_everything(app: App) {
        let ada = app.user().await;
        let (replica, there) = elsewhere(&app, &ada).await;
        let mut tx = app.state.db.write().await.unwrap();
        for n in 0..1100 {
            tx.announce(Change::User(stead::base::id::UserId(uuid::Uuid::from_u128(n))));
        }
        tx.commit().await.unwrap();
        ada.request("POST", "/api/v1/auth/logout").await.expect(204);
        replica.hears().await;
        there.get(ME).await.refused(401, "invalid_token");
    }

    async fn a_database_that_is_another_one_now_is_noticed(app: App) {
        let ada = app.user().await;
        app.user().await.request("POST", "/api/v1/auth/logout").await.expect(204);
        let (replica, there) = elsewhere(&app, &ada).await;
        replica.hears().await;
        // As after a fail-over that lost the newest changes: their numbers come again, with other content.
        let mut tx = app.state.db.write().await.unwrap();
        tx.query("DELETE FROM sessions").execute().await.unwrap();
        tx.query("DELETE FROM access_changes").execute().await.unwrap();
        tx.query("UPDATE access_clock SET n = 0").execute().await.unwrap();
        tx.announce(Change::Session(stead::base::id::SessionId(uuid::Uuid::nil())));
        tx.commit().await.unwrap();
        replica.hears().await;
        there.get(ME).await.refused(401, "invalid_token");
    }

    async fn nobody_is_believed_once_the_feed_is_silent_for_five_seconds(app: App) {
        let ada = app.user().await;
        ada.get(ME).await.expect(200);
        // Ends the following, and nothing else that this needs.
        app.state.tasks.stop();
        tokio::time::sleep(Duration::from_millis(5300)).await;
        ada.get(ME).await.refused(503, "database_unavailable");
        ada.post("/api/v1/auth/logout", json!({})).await.refused(503, "database_unavailable");
        app.anonymous().get("/health/live").await.expect(200);
        let pair: Value = app.anonymous().login(&ada.email, PASSWORD).await.expect(200).json();
        assert!(pair["access_token"].is_string());
        app.hears().await;
        ada.get(ME).await.expect(200);
    }
}
