//! Attempts: recorded before they are made, repeated later and later, given up in the end.

use std::time::Duration;

use super::server::{Manner, SmtpServer, free_port};
use super::{by_hand, courier, outbox, register, round, row, tally};
use crate::harness::{Stage, behaviour};

const SECOND: Duration = Duration::from_secs(1);

behaviour! {
    async fn while_nobody_listens_attempts_come_later_and_later_and_the_mail_is_kept(stage: Stage) {
        let port = free_port();
        let app = by_hand(stage, &format!("smtp://127.0.0.1:{port}")).await;
        register(&app, "ada@example.com").await;
        for (attempt, wait) in (1..).zip([10, 30, 120, 600, 1800, 3600, 3600]) {
            assert_eq!(round(&app).await, tally(0, 1, 0));
            let row = row(&app).await;
            assert_eq!((row.state.as_str(), row.attempts), ("queued", attempt));
            assert!(row.reason.as_ref().unwrap().starts_with("connect: "), "{row:?}");
            let waits = row.next_attempt_at.since(app.state.clock.now());
            let wait = Duration::from_secs(wait);
            assert!(wait.mul_f64(0.8) <= waits && waits <= wait.mul_f64(1.2), "{attempt}: {waits:?}");
            app.later(waits - SECOND);
            assert_eq!(round(&app).await, tally(0, 0, 0), "it is not due yet");
            app.later(SECOND);
        }
        let server = SmtpServer::at(port, Manner::Kind).await;
        assert_eq!(round(&app).await, tally(1, 0, 0));
        assert_eq!(server.accepted().len(), 1);
        assert_eq!(row(&app).await.attempts, 8);
    }

    async fn an_attempt_is_recorded_before_it_is_made(stage: Stage) {
        let server = SmtpServer::start(Manner::HangsAfterContent).await;
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        let worker = courier(&app);
        let sending = tokio::spawn(async move { worker.round(|| true).await });
        server.until("the content", |server| server.copies().len() == 1).await;
        let begun = row(&app).await;
        assert_eq!((begun.state.as_str(), begun.attempts), ("queued", 1));
        assert!(begun.next_attempt_at > app.state.clock.now(), "whoever looks now leaves it alone");
        sending.abort();
    }

    async fn a_refusal_for_good_ends_one_mail_and_no_other(stage: Stage) {
        let answer = Manner::Answers("RCPT", "eve", "550 5.1.1 <eve@example.com> hunter2 unknown");
        let server = SmtpServer::start(answer).await;
        let app = by_hand(stage, &server.url()).await;
        for email in ["ada@example.com", "eve@example.com", "bob@example.com"] {
            register(&app, email).await;
            app.later(SECOND);
        }
        assert_eq!(round(&app).await, tally(2, 0, 1));
        assert_eq!(server.connections(), 1, "one connection serves the round");
        let rows = outbox(&app).await;
        let states: Vec<_> = rows.iter().map(|row| row.state.as_str()).collect();
        assert_eq!(states, ["sent", "dead", "sent"]);
        assert_eq!(rows[1].reason.as_deref(), Some("RCPT TO: 550 5.1.1"), "without a word of the server's");
        assert!(rows.iter().all(|row| row.sealed.is_none() && row.settled_at.is_some()));
        app.later(Duration::from_secs(7200));
        assert_eq!(round(&app).await, tally(0, 0, 0), "a dead letter stays dead");
    }

    async fn a_refusal_of_the_content_for_good_is_a_refusal_too(stage: Stage) {
        let server = SmtpServer::start(Manner::Answers("CONTENT", "", "554 5.7.1 spam")).await;
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        assert_eq!(round(&app).await, tally(0, 0, 1));
        assert_eq!(row(&app).await.reason.as_deref(), Some("end of DATA: 554 5.7.1"));
    }

    async fn a_refusal_for_now_delays_one_mail_and_no_other(stage: Stage) {
        let server = SmtpServer::start(Manner::Answers("RCPT", "eve", "451 4.7.1 greylisted")).await;
        let app = by_hand(stage, &server.url()).await;
        for email in ["eve@example.com", "ada@example.com"] {
            register(&app, email).await;
            app.later(SECOND);
        }
        assert_eq!(round(&app).await, tally(1, 1, 0));
        assert_eq!(server.connections(), 1);
        server.behave(Manner::Kind);
        app.later(12 * SECOND);
        assert_eq!(round(&app).await, tally(1, 0, 0));
        let to: Vec<_> = server.accepted().into_iter().map(|letter| letter.to).collect();
        assert_eq!(to, ["ada@example.com", "eve@example.com"]);
    }

    async fn what_is_wrong_with_us_kills_no_mail(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        for (command, answer) in
            [("CONNECT", "554 5.3.2 go away"), ("EHLO", "550 no"), ("MAIL", "553 5.1.8 who are you?"), ("MAIL", "421 busy")]
        {
            server.behave(Manner::Answers(command, "", answer));
            assert_eq!(round(&app).await, tally(0, 1, 0), "{answer}");
            app.later(Duration::from_secs(7200));
        }
        server.behave(Manner::Kind);
        app.later(Duration::from_secs(7200));
        assert_eq!(round(&app).await, tally(1, 0, 0));
    }

    async fn a_mail_whose_link_has_expired_is_given_up_unsent(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        app.later(Duration::from_secs(24 * 3600));
        assert_eq!(round(&app).await, tally(0, 0, 1));
        let dead = row(&app).await;
        assert_eq!((dead.state.as_str(), dead.reason.as_deref()), ("dead", Some("expired")));
        assert!(dead.sealed.is_none());
        assert_eq!(server.connections(), 0);
    }

    async fn a_mail_that_fails_until_its_link_expires_says_why(stage: Stage) {
        let server = SmtpServer::start(Manner::Answers("RCPT", "", "451 4.7.1 later")).await;
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        assert_eq!(round(&app).await, tally(0, 1, 0));
        app.later(Duration::from_secs(24 * 3600));
        assert_eq!(round(&app).await, tally(0, 0, 1));
        assert_eq!(row(&app).await.reason.as_deref(), Some("expired; RCPT TO: 451 4.7.1"));
    }

    async fn a_mail_that_fails_a_hundred_times_is_given_up(stage: Stage) {
        let app = by_hand(stage, &format!("smtp://127.0.0.1:{}", free_port())).await;
        register(&app, "ada@example.com").await;
        let mut tx = app.state.db.write().await.unwrap();
        tx.query("UPDATE outbox SET attempts = 98").execute().await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(round(&app).await, tally(0, 1, 0));
        app.later(Duration::from_secs(7200));
        assert_eq!(round(&app).await, tally(0, 0, 1));
        let dead = row(&app).await;
        assert!(dead.reason.unwrap().starts_with("too many attempts; connect: "));
        assert_eq!((dead.sealed, dead.attempts), (None, 100));
    }

    async fn a_round_ends_between_two_mails_when_it_is_told_to(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let app = by_hand(stage, &server.url()).await;
        for email in ["ada@example.com", "bob@example.com"] {
            register(&app, email).await;
        }
        let ends_soon = || server.accepted().is_empty();
        assert_eq!(courier(&app).round(ends_soon).await.unwrap(), tally(1, 0, 0));
        assert_eq!(round(&app).await, tally(1, 0, 0));
    }
}
