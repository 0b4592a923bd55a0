//! Showing that an address is one's own, where that is asked for.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD, Stage, behaviour};

const VERIFY: &str = "/api/v1/auth/email/verify";
const RESEND: &str = "/api/v1/auth/email/verify/resend";
const ADA: &str = "ada@example.com";
const SECOND: Duration = Duration::from_secs(1);
const OTHER_PASSWORD: &str = "a different long sentence";

async fn strict(stage: Stage) -> (App, Client) {
    let app = stage.with("auth.email_verification", "required").start().await;
    let anonymous = app.anonymous();
    (app, anonymous)
}

fn by_password(token: &str, password: &str) -> Value {
    json!({"token": token, "password": password})
}

behaviour! {
    async fn a_stranger_does_not_learn_which_addresses_have_an_account(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        let known = app.user().await;
        anonymous.register("pending@example.com", PASSWORD).await.expect(202);

        let new = anonymous.register("new@example.com", PASSWORD).await.expect(202);
        assert!(new.body.is_empty());
        for address in ["pending@example.com", &known.email] {
            let same = anonymous.register(address, PASSWORD).await;
            assert_eq!(same.seen(), new.seen(), "{address}");
        }
        for address in ["new@example.com", &known.email, "nobody@example.com"] {
            let same = anonymous.post(RESEND, json!({"email": address})).await;
            assert_eq!(same.seen(), new.seen(), "{address}");
        }
    }

    async fn who_owns_a_known_address_hears_that_somebody_tried_to_register_it(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        let ada = app.user().await;
        app.later(SECOND);
        anonymous.register(&ada.email, OTHER_PASSWORD).await.expect(202);
        let mail = app.mails_to(&ada.email).await.remove(0);
        assert_eq!(
            (&mail["subject"], &mail["link"]),
            (&json!("You already have an account at Stead"), &json!(null))
        );
        anonymous.login(&ada.email, OTHER_PASSWORD).await.refused(401, "invalid_credentials");
        anonymous.login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn an_unverified_account_is_told_so_only_after_the_right_password(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        anonymous.register(ADA, PASSWORD).await.expect(202);
        anonymous.login(ADA, "wrong").await.refused(401, "invalid_credentials");
        anonymous.login(ADA, PASSWORD).await.refused(403, "email_not_verified");

        let token = app.mailed_token(ADA).await;
        anonymous.post(VERIFY, by_password(&token, PASSWORD)).await.expect(204);
        let me = app.signed_in(ADA, PASSWORD).await.get("/api/v1/users/me").await.json();
        assert_eq!((&me["status"], &me["email_verified"]), (&json!("active"), &json!(true)));
    }

    async fn a_right_password_before_verification_costs_no_attempt(stage: Stage) {
        let (_app, anonymous) = strict(stage).await;
        anonymous.register(ADA, PASSWORD).await.expect(202);
        for _ in 0..12 {
            anonymous.login(ADA, PASSWORD).await.refused(403, "email_not_verified");
        }
    }

    async fn who_registers_a_pending_address_last_sets_its_password_and_ends_the_older_link(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        anonymous.register(ADA, PASSWORD).await.expect(202);
        let older = app.mailed_token(ADA).await;
        app.later(SECOND);
        let again = json!({"email": ADA, "password": OTHER_PASSWORD, "display_name": "Ada"});
        anonymous.post("/api/v1/auth/register", again).await.expect(202);
        let newer = app.mailed_token(ADA).await;

        for password in [PASSWORD, OTHER_PASSWORD] {
            let refused = anonymous.post(VERIFY, by_password(&older, password)).await;
            refused.refused(422, "invalid_or_expired_token");
        }
        anonymous.post(VERIFY, by_password(&newer, PASSWORD)).await.refused(401, "invalid_credentials");
        anonymous.post(VERIFY, by_password(&newer, OTHER_PASSWORD)).await.expect(204);
        let ada = app.signed_in(ADA, OTHER_PASSWORD).await;
        assert_eq!(ada.get("/api/v1/users/me").await.json()["display_name"], "Ada");
    }

    async fn many_registrations_of_one_address_at_once_all_get_the_same_answer(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        let registering = (0..64).map(|_| anonymous.register(ADA, PASSWORD).into_future());
        for reply in join_all(registering).await {
            assert!(reply.expect(202).body.is_empty());
        }
        // Each replaced the link of the one before: one works. And nobody's mailbox is filled.
        let mut verified = 0;
        let mails = app.mails_to(ADA).await;
        assert_eq!(mails.len(), 3);
        for mail in mails {
            let token = mail["link"].as_str().unwrap().split_once("#token=").unwrap().1;
            let reply = anonymous.post(VERIFY, by_password(token, PASSWORD)).await;
            verified += u32::from(reply.status == 204);
        }
        assert_eq!(verified, 1);
        let admin = app.admin().await;
        let users = admin.get("/api/v1/users").await.expect(200).json();
        let accounts = users["items"].as_array().unwrap().iter().filter(|user| user["email"] == ADA);
        assert_eq!(accounts.count(), 1, "{users}");
    }

    async fn a_wrong_password_is_throttled_and_does_not_use_the_link_up(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        anonymous.register(ADA, PASSWORD).await.expect(202);
        let token = app.mailed_token(ADA).await;
        for _ in 0..10 {
            anonymous.post(VERIFY, by_password(&token, "wrong")).await.refused(401, "invalid_credentials");
        }
        anonymous.post(VERIFY, by_password(&token, PASSWORD)).await.refused(429, "too_many_attempts");
        anonymous.login(ADA, PASSWORD).await.refused(429, "too_many_attempts");
        app.later(Duration::from_secs(15 * 60));
        anonymous.post(VERIFY, by_password(&token, PASSWORD)).await.expect(204);
    }

    async fn a_link_works_once_even_if_it_is_opened_many_times_at_once(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        anonymous.register(ADA, PASSWORD).await.expect(202);
        let token = app.mailed_token(ADA).await;
        let opened =
            join_all((0..12).map(|_| anonymous.post(VERIFY, by_password(&token, PASSWORD)).into_future()))
                .await;
        let (used, late): (Vec<_>, Vec<_>) = opened.into_iter().partition(|reply| reply.status == 204);
        assert_eq!(used.len(), 1);
        for reply in late {
            reply.refused(422, "invalid_or_expired_token");
        }
        anonymous.post(VERIFY, by_password(&token, PASSWORD)).await.refused(422, "invalid_or_expired_token");
        anonymous.login(ADA, PASSWORD).await.expect(200);
    }

    async fn a_link_is_good_for_a_day(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        let day = Duration::from_secs(24 * 3600);
        anonymous.register(ADA, PASSWORD).await.expect(202);
        anonymous.register("late@example.com", PASSWORD).await.expect(202);
        let (token, late) = (app.mailed_token(ADA).await, app.mailed_token("late@example.com").await);
        app.later(day - SECOND);
        anonymous.post(VERIFY, by_password(&token, PASSWORD)).await.expect(204);
        app.later(SECOND);
        anonymous.post(VERIFY, by_password(&late, PASSWORD)).await.refused(422, "invalid_or_expired_token");
        assert_eq!(app.mails_to("late@example.com").await, Vec::<Value>::new());
    }

    async fn a_link_sent_again_ends_the_older_one(stage: Stage) {
        let (app, anonymous) = strict(stage).await;
        anonymous.register(ADA, PASSWORD).await.expect(202);
        let older = app.mailed_token(ADA).await;
        app.later(SECOND);
        anonymous.post(RESEND, json!({"email": "ADA@example.com"})).await.expect(202);
        let newer = app.mailed_token(ADA).await;
        assert_ne!(older, newer);
        anonymous.post(VERIFY, by_password(&older, PASSWORD)).await.refused(422, "invalid_or_expired_token");
        anonymous.post(VERIFY, by_password(&newer, PASSWORD)).await.expect(204);

        let sent = app.mails_to(ADA).await.len();
        anonymous.post(RESEND, json!({"email": ADA})).await.expect(202);
        assert_eq!(app.mails_to(ADA).await.len(), sent, "a verified address gets no further link");
    }

    async fn whoever_is_signed_in_verifies_their_own_address_without_the_password(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        let token = app.mailed_token(&ada.email).await;
        let only_token = json!({"token": token});

        eve.post(VERIFY, only_token.clone()).await.refused(422, "invalid_or_expired_token");
        let refused =
            app.anonymous().post(VERIFY, only_token.clone()).await.refused(422, "validation_failed");
        assert_eq!(refused.faults(), [("/password".into(), "required".into())]);
        ada.with_token("nonsense").post(VERIFY, only_token.clone()).await.refused(401, "invalid_token");
        assert_eq!(ada.get("/api/v1/users/me").await.json()["email_verified"], false);

        ada.post(VERIFY, only_token.clone()).await.expect(204);
        assert_eq!(ada.get("/api/v1/users/me").await.json()["email_verified"], true);
        ada.post(VERIFY, only_token).await.refused(422, "invalid_or_expired_token");
    }

    async fn no_header_of_a_request_chooses_where_a_link_leads(app: App) {
        let hostile = ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "origin", "referer"];
        for (number, header) in hostile.into_iter().enumerate() {
            let email = format!("ada{number}@example.com");
            app.anonymous().register(&email, PASSWORD).header(header, "evil.example").await.expect(201);
            let link = app.mails_to(&email).await[0]["link"].as_str().unwrap().to_owned();
            assert!(link.starts_with("http://127.0.0.1:8080/verify-email#token="), "{header}: {link}");
        }
    }
}
