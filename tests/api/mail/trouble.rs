//! Mail servers that hang, close mid-way, or want no TLS: nothing is lost, nothing is sent twice in one
//! attempt, nothing is said in clear, and nobody waits.

use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{Manner, SmtpServer};
use super::{by_hand, courier, outbox, register, round, row, tally};
use crate::harness::{App, Stage, behaviour};

const FORGOT: &str = "/api/v1/auth/password/forgot";

/// One attempt at a server that behaves like this, with little patience; then one at a kind one.
/// Says why the first failed and how many copies the server read in it.
async fn recovers(stage: Stage, manner: Manner) -> (String, usize) {
    let server = SmtpServer::start(manner).await;
    let app = by_hand(stage, &server.url()).await;
    register(&app, "ada@example.com").await;
    let hasty = courier(&app).with_patience(Duration::from_secs(1), Duration::from_secs(10));
    assert_eq!(hasty.round(|| true).await.unwrap(), tally(0, 1, 0));
    let copies = server.copies().values().sum();
    let failed = row(&app).await;
    assert_eq!((failed.state.as_str(), failed.attempts), ("queued", 1), "nothing is lost");
    assert!(copies <= 1, "nothing is sent twice in one attempt");

    server.behave(Manner::Kind);
    assert_eq!(round(&app).await, tally(0, 0, 0), "nor before its time");
    app.later(Duration::from_secs(12));
    assert_eq!(round(&app).await, tally(1, 0, 0));
    assert_eq!(server.accepted().len(), 1);
    assert_eq!(server.copies().len(), 1, "every copy has the same Message-ID");
    assert_eq!(server.copies().into_values().sum::<usize>(), copies + 1);
    (failed.reason.unwrap(), copies)
}

/// While the server keeps a mail waiting.
async fn nobody_waits(app: &App) {
    for _ in 0..10 {
        let begun = Instant::now();
        let person = app.user().await;
        app.anonymous().post(FORGOT, json!({"email": person.email})).await.expect(202);
        app.anonymous().get("/health/ready").await.expect(200);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

behaviour! {
    async fn a_server_that_says_nothing_is_left(stage: Stage) {
        let (reason, copies) = recovers(stage, Manner::Silent).await;
        assert_eq!((reason.as_str(), copies), ("connect: no answer in time", 0));
    }

    async fn a_server_that_hangs_before_the_content_gets_it_again_later(stage: Stage) {
        let (reason, copies) = recovers(stage, Manner::HangsAt("DATA")).await;
        assert_eq!((reason.as_str(), copies), ("DATA: no answer in time", 0));
    }

    async fn a_server_that_hangs_after_the_content_gets_it_again_later(stage: Stage) {
        let (reason, copies) = recovers(stage, Manner::HangsAfterContent).await;
        assert_eq!((reason.as_str(), copies), ("end of DATA: no answer in time", 1));
    }

    async fn a_server_that_closes_within_the_content_gets_it_again_later(stage: Stage) {
        let (reason, copies) = recovers(stage, Manner::ClosesInContent).await;
        assert_eq!((reason.as_str(), copies), ("end of DATA: the connection was lost", 0));
    }

    async fn a_server_that_closes_before_its_answer_gets_it_again_later(stage: Stage) {
        let (reason, copies) = recovers(stage, Manner::ClosesAfterContent).await;
        assert_eq!((reason.as_str(), copies), ("end of DATA: the connection was lost", 1));
    }

    async fn an_attempt_has_an_end_however_slow_its_steps_are(stage: Stage) {
        let server = SmtpServer::start(Manner::Slow(Duration::from_millis(200))).await;
        let app = by_hand(stage, &server.url()).await;
        register(&app, "ada@example.com").await;
        let hasty = courier(&app).with_patience(Duration::from_secs(5), Duration::from_millis(500));
        assert_eq!(hasty.round(|| true).await.unwrap(), tally(0, 1, 0));
        assert_eq!(row(&app).await.reason.as_deref(), Some("the attempt took too long"));
        assert_eq!(server.accepted().len(), 0);
    }

    async fn a_server_that_closes_after_each_mail_gets_them_all(stage: Stage) {
        let server = SmtpServer::start(Manner::TakesOne).await;
        let app = by_hand(stage, &server.url()).await;
        for number in 0..5 {
            register(&app, &format!("ada{number}@example.com")).await;
        }
        assert_eq!(round(&app).await, tally(5, 0, 0));
        assert_eq!((server.connections(), server.accepted().len()), (5, 5));
        assert!(outbox(&app).await.iter().all(|row| row.attempts == 1));
    }

    async fn no_request_waits_for_a_mail_server_that_hangs(stage: Stage) {
        let server = SmtpServer::start(Manner::Silent).await;
        let app = stage.with("mail.url", server.url()).start().await;
        register(&app, "ada@example.com").await;
        server.until("a connection", |server| server.connections() == 1).await;
        nobody_waits(&app).await;
    }

    async fn no_request_waits_for_a_mail_server_that_hangs_after_the_content(stage: Stage) {
        let server = SmtpServer::start(Manner::HangsAfterContent).await;
        // The courier holds no connection to the database while it waits: it would be the only one.
        let stage = stage.with("mail.url", server.url()).with("database.max_connections", 1);
        let app = stage.start().await;
        register(&app, "ada@example.com").await;
        server.until("the content", |server| server.copies().len() == 1).await;
        nobody_waits(&app).await;
        assert_eq!(server.copies().into_values().sum::<usize>(), 1);
    }

    async fn a_mail_leaves_by_itself_soon_after_its_cause(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let app = stage.with("mail.url", server.url()).start().await;
        register(&app, "ada@example.com").await;
        server.until("a mail", |server| server.accepted().len() == 1).await;
    }

    async fn nothing_is_said_to_a_server_that_offers_no_starttls(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let url = format!("smtp://ada:hunter2@127.0.0.1:{}?tls=required", server.port);
        let app = by_hand(stage, &url).await;
        register(&app, "ada@example.com").await;
        assert_eq!(round(&app).await, tally(0, 1, 0));
        assert_eq!(row(&app).await.reason.as_deref(), Some("STARTTLS: the server does not offer it"));
        let said = server.commands();
        assert!(said.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{said:?}");
    }

    async fn a_wrong_password_is_kept_to_ourselves_and_kills_no_mail(stage: Stage) {
        let server = SmtpServer::start(Manner::Answers("AUTH", "", "535 5.7.8 hunter2 is wrong")).await;
        let url = format!("smtp://ada%40b.example:hunter2%2F@127.0.0.1:{}", server.port);
        let app = by_hand(stage, &url).await;
        register(&app, "ada@example.com").await;
        assert_eq!(round(&app).await, tally(0, 1, 0));
        assert_eq!(row(&app).await.reason.as_deref(), Some("AUTH: 535 5.7.8"));
        server.behave(Manner::Kind);
        app.later(Duration::from_secs(12));
        assert_eq!(round(&app).await, tally(1, 0, 0));
        // The name and the password, decoded (RFC 4616).
        let said = server.commands();
        assert!(said.iter().any(|line| line == "AUTH PLAIN AGFkYUBiLmV4YW1wbGUAaHVudGVyMi8="), "{said:?}");
        assert!(!format!("{:?}", app.state.config).contains("hunter2"));
    }
}
