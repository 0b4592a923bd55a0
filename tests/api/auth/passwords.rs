//! Changing a password, and asking for a new one.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stead::access::principal::Actor;
use stead::base::secret::Password;

use crate::harness::{App, Client, PASSWORD, Reply, Stage, behaviour};

const ME: &str = "/api/v1/users/me";
const CHANGE: &str = "/api/v1/auth/password/change";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESEND: &str = "/api/v1/auth/email/verify/resend";
const RESET: &str = "/api/v1/auth/password/reset";
const NEW: &str = "seven purple otters dance";
const SECOND: Duration = Duration::from_secs(1);
const QUARTER: Duration = Duration::from_secs(15 * 60);

fn change(current: &str, new: &str) -> Value {
    json!({"current_password": current, "new_password": new})
}

async fn forgot(client: &Client, email: &str) -> Reply {
    client.post(FORGOT, json!({"email": email})).await
}

/// How many rows stand in the outbox: mails, and those that stand for none.
async fn outbox(app: &App) -> i64 {
    let mut db = app.state.db.read().await.unwrap();
    db.query("SELECT count(*) FROM outbox").fetch_one::<(i64,)>().await.unwrap().0
}

behaviour! {
    async fn who_changes_their_password_stays_signed_in_here_and_nowhere_else(app: App) {
        let here = app.user().await;
        let there = app.signed_in(&here.email, PASSWORD).await;
        app.later(SECOND);
        here.post(CHANGE, change(PASSWORD, NEW)).await.expect(204);

        here.get(ME).await.expect(200);
        app.anonymous().refresh(&here.refresh_token).await.expect(200);
        there.get(ME).await.refused(401, "invalid_token");
        app.anonymous().refresh(&there.refresh_token).await.refused(401, "invalid_refresh_token");
        app.anonymous().login(&here.email, PASSWORD).await.refused(401, "invalid_credentials");
        app.anonymous().login(&here.email, NEW).await.expect(200);

        let notice = app.mails_to(&here.email).await.remove(0);
        assert_eq!(notice["subject"], "Your password at Stead was changed");
        assert_eq!(notice["link"], json!(null));
    }

    async fn of_many_changes_in_an_hour_the_first_three_are_told_by_mail(app: App) {
        let ada = app.user().await;
        for turn in 0..6 {
            let (from, to) = if turn % 2 == 0 { (PASSWORD, NEW) } else { (NEW, PASSWORD) };
            ada.post(CHANGE, change(from, to)).await.expect(204);
        }
        assert_eq!(app.mails_to(&ada.email).await.len(), 4, "with that of the registration");
    }

    async fn a_password_that_an_operator_sets_voids_what_was_mailed_and_is_told(app: App) {
        let ada = app.user().await;
        app.later(SECOND);
        forgot(&app.anonymous(), &ada.email).await.expect(202);
        let token = app.mailed_token(&ada.email).await;
        app.later(SECOND);
        let chosen = Password::new(NEW.into());
        app.users().set_password(ada.id.parse().unwrap(), chosen, Actor::OPERATOR).await.unwrap();
        let reset = json!({"token": token, "new_password": PASSWORD});
        app.anonymous().post(RESET, reset).await.refused(422, "invalid_or_expired_token");
        assert_eq!(app.mails_to(&ada.email).await[0]["subject"], "Your password at Stead was changed");
        app.signed_in(&ada.email, NEW).await;
    }

    async fn nobody_keeps_an_owner_from_a_reset_by_asking_for_other_mails(app: App) {
        let ada = app.user().await;
        for _ in 0..4 {
            let resend = json!({"email": ada.email});
            app.anonymous().post(RESEND, resend).await.expect(202);
            let change = json!({"password": PASSWORD, "new_email": ada.email});
            ada.post("/api/v1/auth/email/change", change).await.expect(422);
        }
        app.later(SECOND);
        forgot(&app.anonymous(), &ada.email).await.expect(202);
        let token = app.mailed_token(&ada.email).await;
        let reset = json!({"token": token, "new_password": NEW});
        app.anonymous().post(RESET, reset).await.expect(200);
    }

    async fn there_is_always_a_link_to_reset_or_one_to_be_had(app: App) {
        let ada = app.user().await;
        for _ in 0..4 {
            for _ in 0..4 {
                forgot(&app.anonymous(), &ada.email).await.expect(202);
            }
            // Until the last of them expires, at half past, the newest is good; then there are new ones.
            app.later(Duration::from_secs(30 * 60));
            forgot(&app.anonymous(), &ada.email).await.expect(202);
            app.mailed_token(&ada.email).await;
        }
    }

    async fn who_was_invited_and_lost_the_mail_gets_another_by_asking(app: App) {
        let admin = app.admin().await;
        let new = json!({"email": "ada@example.com"});
        admin.post("/api/v1/users", new.clone()).await.expect(201);
        for way in [FORGOT, RESEND] {
            app.later(SECOND);
            app.anonymous().post(way, new.clone()).await.expect(202);
            let mails = app.mails_to("ada@example.com").await;
            assert!(mails.iter().all(|mail| mail["subject"] == "You are invited to Stead"), "{mails:?}");
        }
        assert_eq!(app.mails_to("ada@example.com").await.len(), 3);
        let accept = json!({"token": app.mailed_token("ada@example.com").await, "new_password": NEW});
        app.anonymous().post(RESET, accept).await.expect(200);
        app.signed_in("ada@example.com", NEW).await;
    }

    async fn who_is_signed_in_hears_that_the_current_password_is_wrong(app: App) {
        let ada = app.user().await;
        let told = |reply: Reply| reply.refused(401, "invalid_credentials").json()["detail"].clone();
        let current = "The current password of your account is wrong";
        assert_eq!(told(ada.post(CHANGE, change("wrong", NEW)).await), current);
        let email = json!({"password": "wrong", "new_email": "new@example.com"});
        assert_eq!(told(ada.post("/api/v1/auth/email/change", email).await), current);
        let either = "The e-mail address or the password is wrong";
        assert_eq!(told(app.anonymous().login(&ada.email, "wrong").await), either);
    }

    async fn a_wrong_current_password_changes_nothing_and_counts_as_a_guess(app: App) {
        let ada = app.user().await;
        let there = app.signed_in(&ada.email, PASSWORD).await;
        for wrong in ["", "wrong", NEW].iter().cycle().take(10) {
            ada.post(CHANGE, change(wrong, NEW)).await.refused(401, "invalid_credentials");
        }
        ada.post(CHANGE, change(PASSWORD, NEW)).await.refused(429, "too_many_attempts");
        for session in [&ada, &there] {
            session.get(ME).await.expect(200);
        }
        app.later(QUARTER);
        let there = app.person(&app.anonymous().refresh(&there.refresh_token).await.expect(200).json());
        there.post(CHANGE, change(PASSWORD, NEW)).await.expect(204);
    }

    async fn a_new_password_has_to_be_good_enough_and_a_fault_names_the_field(app: App) {
        let ada = app.user().await;
        for (weak, fault) in [
            ("short", "password_too_short"),
            ("password1", "weak_password"),
            ("steadstead", "weak_password"),
            (&ada.email, "weak_password"),
        ] {
            let refused = ada.post(CHANGE, change(PASSWORD, weak)).await.refused(422, "weak_password");
            assert_eq!(refused.faults(), [("/new_password".into(), fault.into())], "{weak}");
        }
        let long = "x".repeat(1025);
        let refused = ada.post(CHANGE, change(PASSWORD, &long)).await.refused(422, "validation_failed");
        assert_eq!(refused.faults(), [("/new_password".into(), "too_long".into())]);
        let refused = ada.post(CHANGE, json!({})).await.refused(422, "validation_failed");
        let missing =
            ["/current_password", "/new_password"].map(|pointer| (pointer.into(), "required".into()));
        assert_eq!(refused.faults(), missing);
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn a_change_is_for_oneself_only(app: App) {
        app.anonymous().post(CHANGE, change(PASSWORD, NEW)).await.refused(401, "unauthenticated");
        let (ada, eve) = (app.user().await, app.user().await);
        for field in ["user_id", "id", "email", "token", "roles"] {
            let mut body = change(PASSWORD, NEW);
            body[field] = json!(ada.id);
            let refused = eve.post(CHANGE, body).await.refused(422, "unknown_field");
            assert_eq!(refused.faults(), [(format!("/{field}"), "unknown_field".into())]);
        }
        eve.post(CHANGE, change(PASSWORD, NEW)).await.expect(204);
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn of_many_changes_at_once_exactly_one_succeeds(app: App) {
        let ada = app.user().await;
        let passwords: Vec<_> = (0..6).map(|n| format!("{NEW} number {n}")).collect();
        let changes = passwords.iter().map(|new| ada.post(CHANGE, change(PASSWORD, new)).into_future());
        let mut winner = None;
        for (password, reply) in passwords.iter().zip(join_all(changes).await) {
            match reply.status.as_u16() {
                204 => assert_eq!(winner.replace(password), None, "two changes from one password"),
                status => assert!(status == 401 || status == 409, "{}", reply.text()),
            }
        }
        app.anonymous().login(&ada.email, winner.unwrap()).await.expect(200);
    }

    async fn a_change_makes_a_link_for_a_new_password_void(app: App) {
        let ada = app.user().await;
        app.later(SECOND);
        forgot(&app.anonymous(), &ada.email).await.expect(202);
        let token = app.mailed_token(&ada.email).await;
        ada.post(CHANGE, change(PASSWORD, NEW)).await.expect(204);
        let reset = json!({"token": token, "new_password": "another long sentence of words"});
        app.anonymous().post(RESET, reset).await.refused(422, "invalid_or_expired_token");
    }

    async fn who_forgot_a_password_is_answered_alike_whether_there_is_an_account_or_not(stage: Stage) {
        let app = stage.with("auth.email_verification", "required").start().await;
        let (ada, sam, del) = (app.user().await, app.user().await, app.user().await);
        app.suspend(&sam.id).await;
        del.delete(ME).json(json!({"password": PASSWORD})).await.expect(204);
        app.anonymous().register("pending@example.com", PASSWORD).await.expect(202);
        app.later(SECOND);

        let unknown = forgot(&app.anonymous(), "nobody@example.com").await.expect(202);
        assert!(unknown.body.is_empty());
        for (email, mails) in [
            (&*ada.email, 1),
            ("pending@example.com", 1),
            (&sam.email, 0),
            (&del.email, 0),
            ("nobody@example.com", 0),
        ] {
            let (rows, before) = (outbox(&app).await, app.mails_to(email).await.len());
            assert_eq!(forgot(&app.anonymous(), email).await.seen(), unknown.seen(), "{email}");
            assert_eq!(app.mails_to(email).await.len(), before + mails, "{email}");
            assert_eq!(outbox(&app).await, rows + 1, "{email}: the same work, mail or none");
        }
        let mail = app.mails_to(&ada.email).await.remove(0);
        assert_eq!(mail["subject"], "Choose a new password for Stead");
    }

    async fn asking_for_a_new_password_changes_nothing_and_locks_nobody_out(app: App) {
        let ada = app.user().await;
        let before = ada.get(ME).await.json();
        for _ in 0..12 {
            forgot(&app.anonymous(), &ada.email).await.expect(202);
        }
        assert_eq!(ada.get(ME).await.expect(200).json(), before);
        app.anonymous().refresh(&ada.refresh_token).await.expect(200);
        app.anonymous().login(&ada.email, PASSWORD).await.expect(200);
    }

    async fn an_address_gets_three_links_in_half_an_hour_however_often_it_is_asked_for(app: App) {
        let (ada, bob) = (app.user().await, app.user().await);
        // The mails of the registrations were of an hour before.
        app.later(Duration::from_secs(3600));
        let replica = app.stage.start().await;
        let sent =
            async || app.mails_to(&ada.email).await.iter().filter(|mail| mail["link"].is_string()).count();
        let before = sent().await;
        let first = forgot(&app.anonymous(), &ada.email).await;
        for number in 0..8 {
            let client =
                if number % 2 == 0 { replica.anonymous() } else { app.anonymous().at("198.51.100.9") };
            let email = if number % 3 == 0 { ada.email.to_uppercase() } else { ada.email.clone() };
            assert_eq!(forgot(&client, &email).await.seen(), first.seen());
        }
        let resend = json!({"email": ada.email});
        assert_eq!(sent().await, before + 3);
        app.anonymous().post(RESEND, resend).await.expect(202);
        assert_eq!(sent().await, before + 4, "what else is asked for has a budget of its own");
        forgot(&app.anonymous(), &bob.email).await.expect(202);
        assert_eq!(app.mails_to(&bob.email).await.len(), 2, "each address has its own three");

        app.later(Duration::from_secs(1799));
        let before = sent().await;
        forgot(&app.anonymous(), &ada.email).await.expect(202);
        assert_eq!(sent().await, before);
        app.later(SECOND);
        forgot(&app.anonymous(), &ada.email).await.expect(202);
        // Those of half an hour before have expired.
        assert_eq!(sent().await, before - 3 + 1);
    }

    async fn many_who_ask_at_once_get_no_more_mails_than_in_a_row(app: App) {
        let ada = app.user().await;
        app.later(Duration::from_secs(3600));
        let before = app.mails_to(&ada.email).await.len();
        join_all((0..12).map(|_| app.anonymous().post(FORGOT, json!({"email": ada.email})).into_future()))
            .await;
        assert_eq!(app.mails_to(&ada.email).await.len(), before + 3);
    }

    async fn no_header_chooses_where_the_link_for_a_new_password_leads(stage: Stage) {
        let app = stage.with("mail.link_base", "https://app.example/account/").start().await;
        let hostile = ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "origin", "referer"];
        for header in hostile {
            let ada = app.user().await;
            app.later(SECOND);
            app.anonymous()
                .post(FORGOT, json!({"email": ada.email}))
                .header(header, "evil.example")
                .await
                .expect(202);
            let link = app.mails_to(&ada.email).await[0]["link"].as_str().unwrap().to_owned();
            assert!(
                link.starts_with("https://app.example/account/reset-password#token="),
                "{header}: {link}"
            );
        }
    }
}
