//! Several servers on one database: each mail leaves once, and whoever ends is followed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::server::{Manner, SmtpServer};
use super::{by_hand, courier, outbox, register, round, row, tally};
use crate::harness::{App, Stage, behaviour};

/// How often each address was written to.
fn by_address(server: &SmtpServer) -> BTreeMap<String, usize> {
    server.accepted().into_iter().fold(BTreeMap::new(), |mut all, letter| {
        *all.entry(letter.to).or_default() += 1;
        all
    })
}

async fn replicas(stage: &Stage, url: &str) -> Vec<App> {
    join_all((0..3).map(|_| by_hand(stage.clone(), url))).await
}

behaviour! {
    async fn three_servers_send_each_mail_once(stage: Stage) {
        const MAILS: usize = 60;
        let server = SmtpServer::start(Manner::Kind).await;
        let stage = stage.with("mail.url", server.url());
        let apps = [stage.start().await, stage.start().await, stage.start().await];
        for number in 0..MAILS {
            register(&apps[number % 3], &format!("ada{number}@example.com")).await;
        }
        server.until("all mails", |server| server.accepted().len() >= MAILS).await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let sent = by_address(&server);
        assert_eq!((sent.len(), server.accepted().len()), (MAILS, MAILS));
        let rows = outbox(&apps[0]).await;
        assert!(rows.iter().all(|row| row.state == "sent" && row.attempts == 1), "{rows:?}");
    }

    async fn rounds_at_the_same_moment_send_each_mail_once(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let apps = replicas(&stage, &server.url()).await;
        for turn in 0..5 {
            for number in 0..6 {
                register(&apps[0], &format!("ada{turn}-{number}@example.com")).await;
            }
            let tallies = join_all(apps.iter().map(round)).await;
            assert_eq!(tallies.iter().map(|tally| tally.sent).sum::<u32>(), 6, "{tallies:?}");
        }
        assert!(by_address(&server).values().all(|times| *times == 1));
    }

    async fn whoever_dies_in_the_middle_is_followed_once_the_lease_ends(stage: Stage) {
        let server = SmtpServer::start(Manner::HangsAfterContent).await;
        let apps = replicas(&stage, &server.url()).await;
        for email in ["ada@example.com", "bob@example.com"] {
            register(&apps[0], email).await;
        }
        let worker = courier(&apps[0]);
        let dying = tokio::spawn(async move { worker.round(|| true).await });
        server.until("the content", |server| server.copies().len() == 1).await;
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        server.behave(Manner::Kind);

        apps[0].later(Duration::from_secs(59));
        assert_eq!(round(&apps[1]).await, tally(0, 0, 0), "the lease is still the dead one's");
        // The attempt that was cut off is due again a little later: its wait began with it.
        apps[0].later(Duration::from_secs(2));
        assert_eq!(round(&apps[1]).await, tally(2, 0, 0));
        assert_eq!(by_address(&server).values().collect::<Vec<_>>(), [&1, &1]);
        let attempts: Vec<_> = outbox(&apps[0]).await.iter().map(|row| row.attempts).collect();
        assert_eq!(attempts, [2, 1]);
    }

    async fn a_mail_whose_sender_dies_before_noting_it_is_sent_again_as_the_same_mail(stage: Stage) {
        let gate = Arc::new(Semaphore::new(0));
        let server = SmtpServer::start(Manner::Waits(gate.clone())).await;
        let apps = replicas(&stage, &server.url()).await;
        register(&apps[0], "ada@example.com").await;
        let worker = courier(&apps[0]);
        let dying = tokio::spawn(async move { worker.round(|| true).await });
        server.until("the content", |server| server.copies().len() == 1).await;
        // Nobody can note anything from here on, while the server takes the mail.
        let mut held = apps[2].state.db.write().await.unwrap();
        held.query("UPDATE outbox SET attempts = attempts").execute().await.unwrap();
        gate.add_permits(1);
        server.until("the mail", |server| server.accepted().len() == 1).await;
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        drop(held);
        server.behave(Manner::Kind);

        apps[0].later(Duration::from_secs(61));
        assert_eq!(round(&apps[1]).await, tally(1, 0, 0));
        assert_eq!(server.copies().into_values().collect::<Vec<_>>(), [2], "twice, under one Message-ID");
        let row = row(&apps[0]).await;
        assert_eq!((row.state.as_str(), row.attempts), ("sent", 2));
        apps[0].later(Duration::from_secs(3600));
        assert_eq!(round(&apps[2]).await, tally(0, 0, 0), "and never again");
    }

    async fn whoever_has_lost_the_lease_begins_no_other_mail(stage: Stage) {
        let gate = Arc::new(Semaphore::new(0));
        let server = SmtpServer::start(Manner::Waits(gate.clone())).await;
        let apps = replicas(&stage, &server.url()).await;
        for number in 0..4 {
            register(&apps[0], &format!("ada{number}@example.com")).await;
        }
        let slow = courier(&apps[0]);
        let slow = tokio::spawn(async move { slow.round(|| true).await });
        server.until("the content", |server| server.copies().len() == 1).await;
        // A pause of a minute: to all others the slow one is gone.
        apps[0].later(Duration::from_secs(61));
        let quick = courier(&apps[1]);
        let quick = tokio::spawn(async move { quick.round(|| true).await });
        server.until("the other's content", |server| server.copies().values().sum::<usize>() == 2).await;
        gate.add_permits(1);
        let slow = slow.await.unwrap().unwrap();
        assert_eq!(slow, tally(1, 0, 0), "its own mail is done, and it begins no other");
        gate.add_permits(10);
        let quick = quick.await.unwrap().unwrap();
        assert!(quick.sent >= 3 && quick.failed == 0, "{quick:?}");
        let sent = by_address(&server);
        assert_eq!(sent.len(), 4);
        assert!(outbox(&apps[0]).await.iter().all(|row| row.state == "sent"));
    }

    async fn an_attempt_that_another_has_taken_over_is_no_failure(stage: Stage) {
        let server = SmtpServer::start(Manner::HangsAfterContent).await;
        let apps = replicas(&stage, &server.url()).await;
        register(&apps[0], "ada@example.com").await;
        let slow = courier(&apps[0]).with_patience(Duration::from_secs(4), Duration::from_secs(4));
        let slow = tokio::spawn(async move { slow.round(|| true).await });
        server.until("the content", |server| server.copies().len() == 1).await;
        // A pause of a minute: to all others the slow one is gone.
        apps[0].later(Duration::from_secs(61));
        server.behave(Manner::Kind);
        assert_eq!(round(&apps[1]).await, tally(1, 0, 0));
        assert_eq!(slow.await.unwrap().unwrap(), tally(0, 0, 0), "what became of it is the other's to say");
        assert_eq!(row(&apps[0]).await.state, "sent");
    }

    async fn a_lease_that_was_given_back_is_free_at_once(stage: Stage) {
        let server = SmtpServer::start(Manner::Kind).await;
        let apps = replicas(&stage, &server.url()).await;
        for (number, app) in apps.iter().enumerate() {
            register(app, &format!("ada{number}@example.com")).await;
            assert_eq!(round(app).await, tally(1, 0, 0));
        }
    }
}
