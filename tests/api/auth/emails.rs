//! Changing one's address, and undoing it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{App, PASSWORD, Person, behaviour};

const ME: &str = "/api/v1/users/me";
const CHANGE: &str = "/api/v1/auth/email/change";
const CANCEL: &str = "/api/v1/auth/email/change/cancel";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const VERIFY: &str = "/api/v1/auth/email/verify";
const NEW: &str = "lovelace@example.com";
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn change(password: &str, new: &str) -> Value {
    json!({"password": password, "new_email": new})
}

fn proof(token: &str) -> Value {
    json!({"token": token, "password": PASSWORD})
}

fn only(token: &str) -> Value {
    json!({"token": token})
}

async fn email(person: &Person) -> Value {
    person.get(ME).await.expect(200).json()["email"].clone()
}

/// Asks for a change: the token to confirm it, and the token to cancel it.
async fn asked(app: &App, person: &Person, new: &str) -> (String, String) {
    let old = email(person).await;
    app.later(SECOND);
    person.post(CHANGE, change(PASSWORD, new)).await.expect(202);
    (app.mailed_token(new).await, app.mailed_token(old.as_str().unwrap()).await)
}

/// The owner follows the link that a cancelled change sent them, and signs in.
async fn regained(app: &App, email: &str) -> Person {
    app.anonymous().login(email, PASSWORD).await.refused(401, "invalid_credentials");
    let reset = json!({"token": app.mailed_token(email).await, "new_password": PASSWORD});
    app.anonymous().post(RESET, reset).await.expect(200);
    app.signed_in(email, PASSWORD).await
}

async fn is_signed_out(app: &App, person: &Person) {
    person.get(ME).await.refused(401, "invalid_token");
    app.anonymous().refresh(&person.refresh_token).await.refused(401, "invalid_refresh_token");
}

behaviour! {
    async fn a_change_waits_until_the_new_address_is_confirmed(app: App) {
        let ada = app.user().await;
        let there = app.signed_in(&ada.email, PASSWORD).await;
        app.later(SECOND);
        let asked = ada.post(CHANGE, change(PASSWORD, NEW)).await.expect(202);
        assert!(asked.body.is_empty());
        let (link, notice) = (app.mails_to(NEW).await.remove(0), app.mails_to(&ada.email).await.remove(0));
        assert_eq!(link["subject"], "Confirm your new e-mail address for Stead");
        assert!(link["link"].as_str().unwrap().contains("/verify-email#token="), "{link}");
        assert_eq!(notice["subject"], "Your e-mail address at Stead is about to change");
        assert!(notice["link"].as_str().unwrap().contains("/cancel-email-change#token="), "{notice}");
        for session in [&ada, &there] {
            assert_eq!(email(session).await, ada.email.as_str());
        }
        app.anonymous().login(NEW, PASSWORD).await.refused(401, "invalid_credentials");

        let token = app.mailed_token(NEW).await;
        app.anonymous().post(VERIFY, proof(&token)).await.expect(204);
        for session in [&ada, &there] {
            is_signed_out(&app, session).await;
        }
        app.anonymous().login(&ada.email, PASSWORD).await.refused(401, "invalid_credentials");
        let moved = app.signed_in(NEW, PASSWORD).await;
        let me = moved.get(ME).await.json();
        assert_eq!(
            (&me["id"], &me["email"], &me["email_verified"]),
            (&json!(ada.id), &json!(NEW), &json!(true))
        );
        app.anonymous().post(VERIFY, proof(&token)).await.refused(422, "invalid_or_expired_token");
        // The old address is free again.
        app.anonymous().register(&ada.email, PASSWORD).await.expect(201);
        assert_eq!(email(&moved).await, NEW);
    }

    async fn whoever_is_signed_in_confirms_without_the_password_and_stays(app: App) {
        let (ada, eve) = (app.user().await, app.user().await);
        let there = app.signed_in(&ada.email, PASSWORD).await;
        let (token, _) = asked(&app, &ada, NEW).await;
        eve.post(VERIFY, only(&token)).await.refused(422, "invalid_or_expired_token");
        let refused = app.anonymous().post(VERIFY, only(&token)).await.refused(422, "validation_failed");
        assert_eq!(refused.faults(), [("/password".into(), "required".into())]);
        let wrong = json!({"token": token, "password": "wrong"});
        app.anonymous().post(VERIFY, wrong).await.refused(401, "invalid_credentials");
        assert_eq!(email(&ada).await, ada.email.as_str());

        ada.post(VERIFY, only(&token)).await.expect(204);
        assert_eq!(email(&ada).await, NEW);
        is_signed_out(&app, &there).await;
    }

    async fn asking_takes_the_password_and_wrong_ones_count(app: App) {
        let ada = app.user().await;
        app.anonymous().post(CHANGE, change(PASSWORD, NEW)).await.refused(401, "unauthenticated");
        for _ in 0..10 {
            ada.post(CHANGE, change("wrong", NEW)).await.refused(401, "invalid_credentials");
        }
        ada.post(CHANGE, change(PASSWORD, NEW)).await.refused(429, "too_many_attempts");
        assert_eq!(app.mails_to(NEW).await, Vec::<Value>::new());
    }

    async fn a_request_with_a_fault_sends_nothing(app: App) {
        let ada = app.user().await;
        for address in [
            "",
            "ada",
            "ada@",
            "ada@example.com\r\nbcc: eve@example.com",
            "ada＠example.com",
            "a b@example.com",
        ] {
            let refused = ada.post(CHANGE, change(PASSWORD, address)).await.refused(422, "validation_failed");
            assert_eq!(refused.faults(), [("/new_email".into(), "invalid_email".into())], "{address:?}");
        }
        let mut more = change(PASSWORD, NEW);
        more["email_verified"] = json!(true);
        ada.post(CHANGE, more).await.refused(422, "unknown_field");
        assert_eq!(app.mails_to(&ada.email).await.len(), 1, "the mail of the registration only");
    }

    async fn an_address_that_is_taken_gets_the_same_answer_and_its_owner_a_mail(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let free = ada.post(CHANGE, change(PASSWORD, NEW)).await.expect(202);
        app.later(SECOND);
        let taken = ada.post(CHANGE, change(PASSWORD, &bob.email)).await;
        assert_eq!(taken.seen(), free.seen());
        let mail = app.mails_to(&bob.email).await.remove(0);
        assert_eq!(
            (&mail["subject"], &mail["link"]),
            (&json!("Your e-mail address was given at Stead"), &json!(null))
        );
        assert_eq!((email(&ada).await, email(&bob).await), (json!(ada.email), json!(bob.email)));
    }

    async fn the_address_that_the_account_has_is_none_to_change_to(app: App) {
        let ada = app.user().await;
        let refused = ada.post(CHANGE, change(PASSWORD, &ada.email)).await.refused(422, "validation_failed");
        assert_eq!(refused.faults(), [("/new_email".into(), "same_email".into())]);
        assert_eq!(app.mails_to(&ada.email).await.len(), 1, "the mail of the registration only");
        ada.post(CHANGE, change("wrong", &ada.email)).await.refused(401, "invalid_credentials");
    }

    async fn whoever_keeps_their_address_is_told_that_a_new_password_is_needed(app: App) {
        let ada = app.user().await;
        let (_, cancel) = asked(&app, &ada, NEW).await;
        app.later(SECOND);
        app.anonymous().post(CANCEL, only(&cancel)).await.expect(204);
        let mail = app.mails_to(&ada.email).await.remove(0);
        assert_eq!(mail["subject"], "Your account at Stead has its address back");
        assert!(mail["link"].as_str().unwrap().contains("/reset-password#token="), "{mail}");
    }

    async fn a_later_request_ends_the_link_of_the_earlier_even_if_its_address_is_taken(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let (first, _) = asked(&app, &ada, NEW).await;
        let (second, _) = asked(&app, &ada, "byron@example.com").await;
        app.anonymous().post(VERIFY, proof(&first)).await.refused(422, "invalid_or_expired_token");
        app.later(SECOND);
        ada.post(CHANGE, change(PASSWORD, &bob.email)).await.expect(202);
        app.anonymous().post(VERIFY, proof(&second)).await.refused(422, "invalid_or_expired_token");
        assert_eq!(email(&ada).await, ada.email.as_str());
    }

    async fn an_address_that_was_taken_meanwhile_is_refused_and_nothing_is_lost(app: App) {
        let ada = app.user().await;
        let (token, _) = asked(&app, &ada, NEW).await;
        app.anonymous().register(NEW, PASSWORD).await.expect(201);
        ada.post(VERIFY, only(&token)).await.refused(409, "email_taken");
        assert_eq!(email(&ada).await, ada.email.as_str());
        let other = app.signed_in(NEW, PASSWORD).await;
        assert_ne!(other.id, ada.id);
        other.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        ada.post(VERIFY, only(&token)).await.expect(204);
    }

    async fn a_link_to_confirm_is_good_for_a_day_and_works_once(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let (token, _) = asked(&app, &ada, NEW).await;
        let (late, _) = asked(&app, &bob, "late@example.com").await;
        app.later(DAY - 2 * SECOND);
        let uses = join_all((0..16).map(|_| app.anonymous().post(VERIFY, proof(&token)).into_future())).await;
        let (used, refused): (Vec<_>, Vec<_>) = uses.into_iter().partition(|reply| reply.status == 204);
        assert_eq!(used.len(), 1);
        for reply in refused {
            // Some come so late that the old address has no account any more.
            assert!(matches!(reply.status.as_u16(), 401 | 409 | 422), "{}", reply.text());
        }
        app.later(2 * SECOND);
        app.anonymous().post(VERIFY, proof(&late)).await.refused(422, "invalid_or_expired_token");
    }

    async fn once_the_address_has_changed_no_older_link_works(app: App) {
        let ada = app.user().await;
        let verification = app.mailed_token(&ada.email).await;
        app.later(SECOND);
        app.anonymous().post(FORGOT, json!({"email": ada.email})).await.expect(202);
        let reset = app.mailed_token(&ada.email).await;
        let (token, _) = asked(&app, &ada, NEW).await;
        ada.post(VERIFY, only(&token)).await.expect(204);
        ada.post(VERIFY, only(&verification)).await.refused(422, "invalid_or_expired_token");
        let reset = json!({"token": reset, "new_password": "seven purple otters dance"});
        app.anonymous().post(RESET, reset).await.refused(422, "invalid_or_expired_token");
        app.anonymous().login(NEW, PASSWORD).await.expect(200);
    }

    async fn a_change_that_is_cancelled_in_time_never_happens(app: App) {
        let ada = app.user().await;
        let (token, cancel) = asked(&app, &ada, NEW).await;
        app.later(SECOND);
        app.anonymous().post(CANCEL, only(&cancel)).await.expect(204);
        is_signed_out(&app, &ada).await;
        app.anonymous().post(VERIFY, proof(&token)).await.refused(422, "invalid_or_expired_token");
        assert_eq!(email(&regained(&app, &ada.email).await).await, ada.email.as_str());
    }

    async fn a_change_that_took_place_is_undone_and_whoever_made_it_is_signed_out(app: App) {
        let ada = app.user().await;
        let (token, cancel) = asked(&app, &ada, NEW).await;
        ada.post(VERIFY, only(&token)).await.expect(204);
        let thief = app.signed_in(NEW, PASSWORD).await;
        app.later(SECOND);
        app.anonymous().post(FORGOT, json!({"email": NEW})).await.expect(202);
        let reset = app.mailed_token(NEW).await;

        app.later(SECOND);
        app.anonymous().post(CANCEL, only(&cancel)).await.expect(204);
        for session in [&ada, &thief] {
            is_signed_out(&app, session).await;
        }
        app.anonymous().login(NEW, PASSWORD).await.refused(401, "invalid_credentials");
        let reset = json!({"token": reset, "new_password": "seven purple otters dance"});
        app.anonymous().post(RESET, reset).await.refused(422, "invalid_or_expired_token");
        assert_eq!(regained(&app, &ada.email).await.id, ada.id);
        app.anonymous().register(NEW, PASSWORD).await.expect(201);
    }

    async fn neither_a_second_change_nor_a_reset_takes_the_way_back_from_the_first_address(app: App) {
        let ada = app.user().await;
        let (token, cancel) = asked(&app, &ada, NEW).await;
        ada.post(VERIFY, only(&token)).await.expect(204);
        app.later(SECOND);
        app.anonymous().post(FORGOT, json!({"email": NEW})).await.expect(202);
        let reset = json!({"token": app.mailed_token(NEW).await, "new_password": PASSWORD});
        app.anonymous().post(RESET, reset).await.expect(200);
        let thief = app.signed_in(NEW, PASSWORD).await;

        app.later(SECOND);
        thief.post(CHANGE, change(PASSWORD, "byron@example.com")).await.expect(202);
        let thiefs = app.mailed_token(NEW).await;
        let onward = app.mailed_token("byron@example.com").await;
        thief.post(VERIFY, only(&onward)).await.expect(204);
        // Whoever had got hold of the account has moved it twice, and even gone a step back; the owner
        // still gets it back, for good.
        app.anonymous().post(CANCEL, only(&thiefs)).await.expect(204);
        let thief = regained(&app, NEW).await;
        app.later(SECOND);
        thief.post(CHANGE, change(PASSWORD, "byron@example.com")).await.expect(202);
        let thiefs = app.mailed_token(NEW).await;
        app.later(SECOND);
        app.anonymous().post(CANCEL, only(&cancel)).await.expect(204);
        is_signed_out(&app, &thief).await;
        app.anonymous().post(CANCEL, only(&thiefs)).await.refused(422, "invalid_or_expired_token");
        assert_eq!(regained(&app, &ada.email).await.id, ada.id);
    }

    async fn whoever_took_the_old_address_and_never_showed_that_it_is_theirs_makes_way(app: App) {
        let ada = app.user().await;
        let (token, cancel) = asked(&app, &ada, NEW).await;
        ada.post(VERIFY, only(&token)).await.expect(204);
        app.anonymous().register(&ada.email, "another long sentence of words").await.expect(201);
        let squatter = app.signed_in(&ada.email, "another long sentence of words").await;
        app.later(SECOND);
        app.anonymous().post(CANCEL, only(&cancel)).await.expect(204);
        is_signed_out(&app, &squatter).await;
        assert_eq!(regained(&app, &ada.email).await.id, ada.id);
    }

    async fn a_last_admin_makes_way_for_nobody(app: App) {
        let (ada, keeper) = (app.user().await, app.admin().await);
        let (token, cancel) = asked(&app, &ada, NEW).await;
        ada.post(VERIFY, only(&token)).await.expect(204);
        app.anonymous().register(&ada.email, PASSWORD).await.expect(201);
        let squatter = app.signed_in(&ada.email, PASSWORD).await;
        let roles = json!({"roles": ["admin"]});
        keeper.request("PUT", &format!("/api/v1/users/{}/roles", squatter.id)).json(roles).await.expect(200);
        app.suspend(&keeper.id).await;
        app.anonymous().post(CANCEL, only(&cancel)).await.refused(409, "last_admin");
        assert_eq!((email(&squatter).await, email(&ada).await), (json!(ada.email), json!(NEW)));
    }

    async fn a_way_back_to_an_address_that_was_taken_meanwhile_is_kept(app: App) {
        let ada = app.user().await;
        let (token, cancel) = asked(&app, &ada, NEW).await;
        ada.post(VERIFY, only(&token)).await.expect(204);
        app.later(SECOND);
        app.anonymous().register(&ada.email, PASSWORD).await.expect(201);
        let proven = proof(&app.mailed_token(&ada.email).await);
        app.anonymous().post(VERIFY, proven).await.expect(204);
        app.anonymous().post(CANCEL, only(&cancel)).await.refused(409, "email_taken");
        assert_eq!(email(&ada).await, NEW, "nothing is undone by halves");

        let other = app.signed_in(&ada.email, PASSWORD).await;
        assert_ne!(other.id, ada.id);
        other.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        app.later(SECOND);
        app.anonymous().post(CANCEL, only(&cancel)).await.expect(204);
        assert_eq!(regained(&app, &ada.email).await.id, ada.id);
    }

    async fn a_change_is_cancelled_once_and_within_a_week(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let (_, cancel) = asked(&app, &ada, NEW).await;
        let (_, late) = asked(&app, &bob, "late@example.com").await;
        app.later(7 * DAY - 2 * SECOND);
        let uses = join_all((0..16).map(|_| app.anonymous().post(CANCEL, only(&cancel)).into_future())).await;
        let (used, refused): (Vec<_>, Vec<_>) = uses.into_iter().partition(|reply| reply.status == 204);
        assert_eq!(used.len(), 1);
        for reply in refused {
            reply.refused(422, "invalid_or_expired_token");
        }
        app.later(2 * SECOND);
        app.anonymous().post(CANCEL, only(&late)).await.refused(422, "invalid_or_expired_token");
    }

    async fn confirming_and_cancelling_at_once_leaves_the_old_address(app: App) {
        for round in 0..6 {
            let ada = app.user().await;
            let (token, cancel) = asked(&app, &ada, &format!("new{round}@example.com")).await;
            app.later(SECOND);
            let confirm = app.anonymous().post(VERIFY, proof(&token)).into_future();
            let cancel = app.anonymous().post(CANCEL, only(&cancel)).into_future();
            let (confirmed, cancelled) = tokio::join!(confirm, cancel);
            cancelled.expect(204);
            assert!(matches!(confirmed.status.as_u16(), 204 | 401 | 422), "{}", confirmed.text());
            assert_eq!(email(&regained(&app, &ada.email).await).await, ada.email.as_str());
        }
    }

    async fn nobody_fills_a_mailbox_by_changing_their_address_to_it(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        let before = app.mails_to(&bob.email).await.len();
        for address in [NEW, &bob.email] {
            for _ in 0..5 {
                ada.post(CHANGE, change(PASSWORD, address)).await.expect(202);
            }
        }
        assert_eq!((app.mails_to(NEW).await.len(), app.mails_to(&bob.email).await.len()), (3, before + 3));
        assert_eq!(app.mails_to(&ada.email).await.len(), 1 + 3, "three notices, beside the first mail");
    }

    async fn mails_that_were_used_up_before_hide_no_change_from_the_owner(app: App) {
        let ada = app.user().await;
        for _ in 0..5 {
            app.anonymous().post(FORGOT, json!({"email": ada.email})).await.expect(202);
        }
        let (token, cancel) = asked(&app, &ada, NEW).await;
        // Nor does asking so often that there is no further notice: the way back of the last one stays.
        for _ in 0..5 {
            app.later(SECOND);
            ada.post(CHANGE, change(PASSWORD, "byron@example.com")).await.expect(202);
        }
        let (_, last) = (cancel, app.mailed_token(&ada.email).await);
        app.anonymous().post(VERIFY, proof(&token)).await.refused(422, "invalid_or_expired_token");
        app.later(SECOND);
        app.anonymous().post(CANCEL, only(&last)).await.expect(204);
        regained(&app, &ada.email).await;
    }

    async fn nothing_but_the_token_of_the_notice_cancels(app: App) {
        let ada = app.user().await;
        let (token, _) = asked(&app, &ada, NEW).await;
        for wrong in ["", "x", &token, &ada.access_token, &ada.refresh_token] {
            ada.post(CANCEL, only(wrong)).await.refused(422, "invalid_or_expired_token");
        }
        ada.post(CANCEL, json!({"token": token, "email": NEW})).await.refused(422, "unknown_field");
        ada.post(VERIFY, only(&token)).await.expect(204);
    }
}
