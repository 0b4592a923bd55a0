//! Staying signed in.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::{App, Person, Stage, behaviour};

const ME: &str = "/api/v1/users/me";
const GRACE: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn next(app: &App, refresh_token: &str) -> Person {
    app.person(&app.anonymous().refresh(refresh_token).await.expect(200).json())
}

/// How many rows a table holds.
async fn rows(app: &App) -> i64 {
    let (rows,): (i64,) =
        app.state.db.read().await.unwrap().query("SELECT count(*) FROM sessions").fetch_one().await.unwrap();
    rows
}

async fn session_is_over(app: &App, person: &Person) {
    person.get(ME).await.refused(401, "invalid_token");
    app.anonymous().refresh(&person.refresh_token).await.refused(401, "invalid_refresh_token");
}

behaviour! {
    async fn a_refresh_gives_a_new_pair_of_the_same_session(app: App) {
        let ada = app.user().await;
        app.later(Duration::from_secs(300));
        let newer = next(&app, &ada.refresh_token).await;
        assert_ne!(newer.refresh_token, ada.refresh_token);
        assert_ne!(newer.access_token, ada.access_token);
        let sessions = newer.get("/api/v1/auth/sessions").await.expect(200).json();
        assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
        assert_eq!(sessions["items"][0]["last_used_at"], "2030-01-01T08:05:00.000000Z");
        assert_eq!(sessions["items"][0]["created_at"], "2030-01-01T08:00:00.000000Z");
        ada.get(ME).await.expect(200);
    }

    async fn fifty_refreshes_in_a_row_keep_one_row_and_no_token_comes_twice(app: App) {
        let ada = app.user().await;
        let mut tokens = BTreeSet::from([ada.refresh_token.clone()]);
        let mut newest = ada;
        for _ in 0..50 {
            newest = next(&app, &newest.refresh_token).await;
            assert!(tokens.insert(newest.refresh_token.clone()), "a token that was given before");
        }
        assert_eq!(rows(&app).await, 1);
        newest.get(ME).await.expect(200);
    }

    async fn a_token_presented_again_within_the_grace_gets_the_same_successor(app: App) {
        let ada = app.user().await;
        let newer = next(&app, &ada.refresh_token).await;
        app.later(GRACE);
        for _ in 0..10 {
            assert_eq!(next(&app, &ada.refresh_token).await.refresh_token, newer.refresh_token);
        }
        next(&app, &newer.refresh_token).await.get(ME).await.expect(200);
    }

    async fn a_token_presented_again_after_the_grace_ends_the_session(app: App) {
        let (ada, other) = (app.user().await, app.user().await);
        let newer = next(&app, &ada.refresh_token).await;
        app.later(GRACE + SECOND);
        app.anonymous().refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
        session_is_over(&app, &ada).await;
        session_is_over(&app, &newer).await;
        other.get(ME).await.expect(200);
        assert_eq!(rows(&app).await, 1);
    }

    async fn who_was_told_to_come_again_is_no_thief_however_long_the_database_took(stage: Stage) {
        let stage = stage.with("database.max_connections", 1).with("database.acquire_timeout", "200ms");
        let app = stage.start().await;
        let ada = app.user().await;
        // Nobody has heard of it.
        let lost = next(&app, &ada.refresh_token).await;
        let all = (app.state.db.read().await, app.state.db.write().await);
        for _ in 0..3 {
            app.later(GRACE - SECOND);
            app.anonymous().refresh(&ada.refresh_token).await.refused(503, "database_unavailable");
        }
        drop(all);
        app.later(GRACE);
        assert_eq!(next(&app, &ada.refresh_token).await.refresh_token, lost.refresh_token);
        app.later(SECOND);
        app.anonymous().refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
    }

    async fn what_was_used_long_before_the_database_was_away_is_a_theft(stage: Stage) {
        let stage = stage.with("database.max_connections", 1).with("database.acquire_timeout", "200ms");
        let app = stage.start().await;
        let ada = app.user().await;
        next(&app, &ada.refresh_token).await;
        app.later(GRACE + SECOND);
        let all = (app.state.db.read().await, app.state.db.write().await);
        app.anonymous().refresh(&ada.refresh_token).await.refused(503, "database_unavailable");
        drop(all);
        app.anonymous().refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
    }

    async fn a_grandparent_ends_the_session_even_within_the_grace(app: App) {
        let ada = app.user().await;
        let child = next(&app, &ada.refresh_token).await;
        let grandchild = next(&app, &child.refresh_token).await;
        app.anonymous().refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
        session_is_over(&app, &grandchild).await;
    }

    async fn without_a_grace_the_first_repetition_ends_the_session(stage: Stage) {
        let app = stage.with("auth.refresh_grace", "0s").start().await;
        let ada = app.user().await;
        let newer = next(&app, &ada.refresh_token).await;
        app.anonymous().refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
        session_is_over(&app, &newer).await;
    }

    async fn of_many_refreshes_at_once_one_generation_comes_and_nobody_is_signed_out(app: App) {
        let ada = app.user().await;
        let other = app.stage.start().await;
        let replicas = [&app, &other].into_iter().cycle().take(64);
        let replies =
            join_all(replicas.map(|app| app.anonymous().refresh(&ada.refresh_token).into_future())).await;
        let pairs: Vec<Value> = replies.into_iter().map(|reply| reply.expect(200).json()).collect();
        let tokens: BTreeSet<_> = pairs.iter().map(|pair| pair["refresh_token"].as_str().unwrap()).collect();
        assert_eq!(tokens.len(), 1);
        for pair in &pairs {
            app.person(pair).get(ME).await.expect(200);
        }
        next(&app, tokens.first().unwrap()).await.get(ME).await.expect(200);
    }

    async fn after_a_logout_no_refresh_that_raced_it_is_worth_anything(app: App) {
        for _ in 0..10 {
            let ada = app.user().await;
            let logout = ada.request("POST", "/api/v1/auth/logout").into_future();
            let racing = join_all((0..4).map(|_| app.anonymous().refresh(&ada.refresh_token).into_future()));
            let (logout, raced) = tokio::join!(logout, racing);
            logout.expect(204);
            for reply in raced.into_iter().filter(|reply| reply.status == 200) {
                session_is_over(&app, &app.person(&reply.json())).await;
            }
            session_is_over(&app, &ada).await;
        }
    }

    async fn a_session_that_is_not_refreshed_for_thirty_days_is_over(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        app.later(30 * DAY - SECOND);
        app.anonymous().refresh(&ada.refresh_token).await.expect(200);
        app.later(SECOND);
        app.anonymous().refresh(&eve.refresh_token).await.refused(401, "invalid_refresh_token");
    }

    async fn a_session_is_over_after_ninety_days_however_often_it_is_refreshed(app: App) {
        let mut ada = app.user().await;
        for _ in 0..89 {
            app.later(DAY);
            ada = next(&app, &ada.refresh_token).await;
        }
        app.later(DAY - SECOND);
        let last = app.anonymous().refresh(&ada.refresh_token).await.expect(200).json();
        assert_eq!(last["refresh_expires_in"], 1, "it says how long it is really good for");
        app.later(SECOND);
        let last = app.person(&last);
        session_is_over(&app, &last).await;
        app.signed_in(&ada.email, crate::harness::PASSWORD).await.get(ME).await.expect(200);
    }

    async fn a_refresh_token_that_was_changed_is_refused_and_ends_nothing(app: App) {
        let ada = app.user().await;
        for at in [0, 3, 12, 30, 40, 60, ada.refresh_token.len() - 2] {
            let mut tampered = ada.refresh_token.clone();
            let other = if &tampered[at..=at] == "A" { "B" } else { "A" };
            tampered.replace_range(at..=at, other);
            let refused = app.anonymous().refresh(&tampered).await.refused(401, "invalid_refresh_token");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
        app.anonymous()
            .refresh(&format!("{}A", ada.refresh_token))
            .await
            .refused(401, "invalid_refresh_token");
        app.anonymous().refresh(&"rt_A".repeat(10_000)).await.refused(401, "invalid_refresh_token");
        next(&app, &ada.refresh_token).await.get(ME).await.expect(200);
    }

    async fn a_generation_that_the_database_has_forgotten_ends_the_session(app: App) {
        let ada = app.user().await;
        let newer = next(&app, &ada.refresh_token).await;
        let mut tx = app.state.db.write().await.unwrap();
        tx.query("UPDATE sessions SET generation = 1").execute().await.unwrap();
        tx.commit().await.unwrap();
        app.anonymous().refresh(&newer.refresh_token).await.refused(401, "invalid_refresh_token");
        session_is_over(&app, &ada).await;
    }

    async fn a_restart_revives_no_token_that_was_used(app: App) {
        let ada = app.user().await;
        let child = next(&app, &ada.refresh_token).await;
        let newest = next(&app, &child.refresh_token).await;
        let restarted = app.stage.start().await;
        restarted.anonymous().with_token(&newest.access_token).get(ME).await.expect(200);
        restarted.anonymous().refresh(&ada.refresh_token).await.refused(401, "refresh_token_reused");
    }
}
