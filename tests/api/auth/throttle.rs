//! How often a password may be guessed.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Person, Reply, Stage, behaviour};

const NEW: &str = "seven purple otters dance";
const WINDOW: Duration = Duration::from_secs(15 * 60);

async fn guess(app: &App, email: &str, times: usize) {
    for _ in 0..times {
        app.anonymous().login(email, "wrong").await.refused(401, "invalid_credentials");
    }
}

fn on_known_device(person: &Person, password: &str) -> Value {
    json!({"email": person.email, "password": password, "device_token": person.device_token})
}

/// Acts on the own account in one of the ways that ask for the password once more.
async fn confirm(person: &Person, way: usize, password: &str) -> Reply {
    match way % 3 {
        0 => {
            let change = json!({"current_password": password, "new_password": NEW});
            person.post("/api/v1/auth/password/change", change).await
        }
        1 => {
            let change = json!({"password": password, "new_email": "new@example.com"});
            person.post("/api/v1/auth/email/change", change).await
        }
        _ => person.delete("/api/v1/users/me").json(json!({"password": password})).await,
    }
}

behaviour! {
    async fn after_ten_wrong_guesses_even_the_right_password_waits_for_the_window_to_pass(app: App) {
        let ada = app.user().await;
        guess(&app, &ada.email, 10).await;
        app.later(Duration::from_secs(60));
        let refused = app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
        assert_eq!(refused.header("retry-after"), Some("840"));
        app.anonymous()
            .at("198.51.100.9")
            .login(&ada.email, PASSWORD)
            .await
            .refused(429, "too_many_attempts");

        app.later(WINDOW - Duration::from_secs(61));
        app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
        app.later(Duration::from_secs(1));
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn a_restart_gives_nobody_a_fresh_budget(stage: Stage) {
        let app = stage.start().await;
        let ada = app.user().await;
        guess(&app, &ada.email, 6).await;
        app.state.db.close().await;
        drop(app);
        let app = stage.start().await;
        guess(&app, &ada.email, 4).await;
        app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
    }

    async fn an_unknown_address_is_throttled_as_a_known_one(app: App) {
        guess(&app, "nobody@example.com", 10).await;
        app.anonymous().login("nobody@example.com", "wrong").await.refused(429, "too_many_attempts");
    }

    async fn each_account_has_a_budget_of_its_own(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        guess(&app, &ada.email, 10).await;
        app.anonymous().login(&eve.email, PASSWORD).await.expect(200);
    }

    async fn a_right_password_costs_nothing(app: App) {
        let ada = app.user().await;
        guess(&app, &ada.email, 9).await;
        for _ in 0..12 {
            app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
        }
        guess(&app, &ada.email, 1).await;
        app.anonymous().login(&ada.email, "wrong").await.refused(429, "too_many_attempts");
    }

    async fn strangers_who_guess_never_keep_the_owner_out_of_a_known_device(app: App) {
        let ada = app.user().await;
        guess(&app, &ada.email, 10).await;
        let anonymous = app.anonymous();
        anonymous.login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
        let back = anonymous.post("/api/v1/auth/login", on_known_device(&ada, PASSWORD)).await.expect(200);
        let back = app.person(&back.json());

        // The device has ten guesses of its own, and no more.
        for _ in 0..10 {
            let wrong = anonymous.post("/api/v1/auth/login", on_known_device(&back, "wrong")).await;
            wrong.refused(401, "invalid_credentials");
        }
        let refused = anonymous.post("/api/v1/auth/login", on_known_device(&ada, PASSWORD)).await;
        refused.refused(429, "too_many_attempts");
    }

    async fn a_session_has_one_budget_however_often_it_is_refreshed(app: App) {
        let ada = app.user().await;
        let mut newest = ada.clone();
        for n in 0..10 {
            newest = app.person(&app.anonymous().refresh(&newest.refresh_token).await.expect(200).json());
            let wrong = app.anonymous().post("/api/v1/auth/login", on_known_device(&newest, "wrong")).await;
            assert_eq!(wrong.status, 401, "guess {n}: {}", wrong.text());
        }
        newest = app.person(&app.anonymous().refresh(&newest.refresh_token).await.expect(200).json());
        let refused = app.anonymous().post("/api/v1/auth/login", on_known_device(&newest, PASSWORD)).await;
        refused.refused(429, "too_many_attempts");
    }

    async fn a_device_token_of_somebody_else_or_of_nobody_opens_no_budget(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        guess(&app, &ada.email, 10).await;
        let mut tampered = ada.device_token.clone();
        tampered.replace_range(10..11, if &tampered[10..11] == "A" { "B" } else { "A" });
        for token in [&eve.device_token, &tampered, &ada.refresh_token, &ada.access_token, "", "dt_"] {
            let body = json!({"email": ada.email, "password": PASSWORD, "device_token": token});
            app.anonymous().post("/api/v1/auth/login", body).await.refused(429, "too_many_attempts");
        }
    }

    async fn every_way_for_strangers_to_try_a_password_draws_on_the_same_budget(app: App) {
        let ada = app.user().await;
        let verify = json!({"token": app.mailed_token(&ada.email).await, "password": "wrong"});
        for _ in 0..5 {
            guess(&app, &ada.email, 1).await;
            let wrong = app.anonymous().post("/api/v1/auth/email/verify", verify.clone()).await;
            wrong.refused(401, "invalid_credentials");
        }
        let wrong = app.anonymous().post("/api/v1/auth/email/verify", verify).await;
        wrong.refused(429, "too_many_attempts");
        app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
    }

    async fn every_way_to_try_a_password_within_a_session_draws_on_the_same_budget(app: App) {
        let ada = app.user().await;
        let there = app.signed_in(&ada.email, PASSWORD).await;
        for n in 0..10 {
            let wrong = confirm(&ada, n, "wrong").await;
            wrong.refused(401, "invalid_credentials");
        }
        for n in 0..3 {
            confirm(&ada, n, PASSWORD).await.refused(429, "too_many_attempts");
        }
        ada.get("/api/v1/users/me").await.expect(200);
        // Neither another session nor the way in is closed by that.
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
        confirm(&there, 0, PASSWORD).await.expect(204);
    }

    async fn strangers_who_guess_do_not_keep_an_owner_from_acting(app: App) {
        for n in 0..3 {
            let ada = app.user().await;
            guess(&app, &ada.email, 10).await;
            app.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
            let done = confirm(&ada, n, PASSWORD).await;
            assert!(done.status.is_success(), "{}", done.text());
        }
    }

    async fn a_device_token_dies_with_the_password_and_with_time(app: App) {
        let on = async |token: &str, email: &str, password: &str| {
            let body = json!({"email": email, "password": password, "device_token": token});
            app.anonymous().post("/api/v1/auth/login", body).await.status.as_u16()
        };
        let changed = app.user().await;
        confirm(&changed, 0, PASSWORD).await.expect(204);
        let reset = app.user().await;
        app.later(Duration::from_secs(1));
        app.anonymous()
            .post("/api/v1/auth/password/forgot", json!({"email": reset.email}))
            .await
            .expect(202);
        let body = json!({"token": app.mailed_token(&reset.email).await, "new_password": NEW});
        app.anonymous().post("/api/v1/auth/password/reset", body).await.expect(200);
        for ada in [&changed, &reset] {
            guess(&app, &ada.email, 10).await;
            assert_eq!(on(&ada.device_token, &ada.email, NEW).await, 429);
        }
        // A refresh gives a session that stays a token for the new password.
        let pair = app.anonymous().refresh(&changed.refresh_token).await.expect(200).json();
        assert_eq!(on(pair["device_token"].as_str().unwrap(), &changed.email, NEW).await, 200);

        let old = app.user().await;
        let nearly = app.user().await;
        app.later(365 * Duration::from_secs(24 * 3600) - Duration::from_secs(1));
        guess(&app, &nearly.email, 10).await;
        assert_eq!(on(&nearly.device_token, &nearly.email, PASSWORD).await, 200);
        app.later(Duration::from_secs(1));
        guess(&app, &old.email, 10).await;
        assert_eq!(on(&old.device_token, &old.email, PASSWORD).await, 429);
    }

    async fn a_burst_of_guesses_finds_no_more_units_than_guesses_in_a_row(app: App) {
        let ada = app.user().await;
        let burst = (0..40).map(|_| app.anonymous().login(&ada.email, "wrong").into_future());
        let replies = join_all(burst).await;
        let (checked, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 401);
        assert_eq!((checked.len(), refused.len()), (10, 30));
        for reply in refused {
            reply.refused(429, "too_many_attempts");
        }
    }

    async fn the_budget_is_shared_by_all_replicas(app: App) {
        let ada = app.user().await;
        let other = app.stage.start().await;
        guess(&app, &ada.email, 5).await;
        guess(&other, &ada.email, 5).await;
        for replica in [&app, &other] {
            replica.anonymous().login(&ada.email, PASSWORD).await.refused(429, "too_many_attempts");
        }
    }
}
