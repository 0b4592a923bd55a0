//! The courier: one of them among all replicas takes what is in the outbox to the mail server.
//!
//! An attempt is recorded before it is made, in one transaction with the renewal of the lease. So a mail
//! is sent at least once, never twice in one attempt, and whoever has lost the lease begins no other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::message::Mailbox;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use tracing::Instrument;
use tracing::field::Empty;

use super::delivery::{Claimed, MAX_ATTEMPTS, OUTCOMES, Outcome};
use super::message::compose;
use super::outbox::{Outbox, OutboxError};
use super::transport::{Channel, Failure, Kind, Open};
use crate::config::Config;
use crate::db::Db;
use crate::tasks::Round;
use crate::tasks::lease::{HolderId, Lease};

/// Delivers mail, round by round.
pub struct Courier {
    db: Db,
    outbox: Outbox,
    from: Mailbox,
    channel: Channel,
    holder: HolderId,
    patience: Patience,
    /// Whether the last round failed: told once, not every second.
    failing: AtomicBool,
    deliveries: Option<Counter<u64>>,
}

/// How long a step may take, and how long an attempt.
#[derive(Clone, Copy)]
struct Patience {
    step: Duration,
    attempt: Duration,
}

const PATIENCE: Patience = Patience { step: Duration::from_secs(12), attempt: Duration::from_secs(30) };
/// Longer than an attempt: it is renewed before each.
const LEASE: Duration = Duration::from_secs(60);
const NAME: &str = "mail";

/// Why there is no courier.
#[derive(Debug, thiserror::Error)]
#[error("mail.url: {0}")]
pub struct NoWayOut(#[from] lettre::transport::smtp::Error);

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub sent: u32,
    /// To be tried again.
    pub failed: u32,
    pub dead: u32,
}

impl Courier {
    /// `None` where mail is to stay in the outbox.
    pub fn new(config: &Config, db: Db, outbox: Outbox) -> Result<Option<Self>, NoWayOut> {
        let (Some(transport), Some(from)) = (config.transport(), config.sender()) else { return Ok(None) };
        let channel = Channel::of(transport, from.email.domain())?;
        let holder = HolderId::fresh(&outbox.clock, &outbox.random);
        Ok(channel.map(|channel| Self {
            db,
            outbox,
            from,
            channel,
            holder,
            patience: PATIENCE,
            failing: AtomicBool::new(false),
            deliveries: None,
        }))
    }

    /// The same courier, whose deliveries are counted.
    pub fn measured(self, meter: &Meter) -> Self {
        let deliveries = meter.u64_counter("mail.deliveries").with_unit("{attempt}");
        let about = "Attempts to deliver a mail: sent, failed and tried again, given up";
        let deliveries = deliveries.with_description(about).build();
        // Whoever watches an increase must not miss the first.
        OUTCOMES.iter().for_each(|outcome| deliveries.add(0, &[KeyValue::new("outcome", *outcome)]));
        Self { deliveries: Some(deliveries), ..self }
    }

    /// The same courier, who gives up on a step and on an attempt after these.
    pub fn with_patience(self, step: Duration, attempt: Duration) -> Self {
        Self { patience: Patience { step, attempt }, ..self }
    }

    /// One round, with its failure logged: the next one comes.
    pub async fn run(&self, go_on: impl Fn() -> bool) -> Round {
        let round = self.round(go_on).await;
        let outcome = Round::of(&round);
        let failed_before = self.failing.swap(round.is_err(), Ordering::Relaxed);
        match round {
            Err(error) if !failed_before => {
                tracing::error!(%error, task = "mail", "mail cannot be delivered at the moment")
            }
            Ok(_) if failed_before => tracing::info!("mail can be delivered again"),
            _ => {}
        }
        outcome
    }

    /// Delivers what is due, as long as there is any, `go_on` says so, and nobody else delivers.
    pub async fn round(&self, go_on: impl Fn() -> bool) -> Result<Tally, OutboxError> {
        let mut tally = Tally::default();
        if !self.outbox.has_work(&mut self.db.read().await?).await? {
            return Ok(tally);
        }
        let now = self.outbox.clock.now();
        let Some(lease) = Lease::take(&self.db, NAME, self.holder, now, LEASE).await? else {
            return Ok(tally);
        };
        let mut way = self.channel.open(self.patience.step);
        let done = self.deliver(&lease, &mut way, &mut tally, go_on).await;
        way.close().await;
        let released = lease.release(&self.db, self.outbox.clock.now()).await;
        done.and(released.map_err(OutboxError::from)).map(|()| tally)
    }

    async fn deliver(
        &self,
        lease: &Lease,
        way: &mut Open<'_>,
        tally: &mut Tally,
        go_on: impl Fn() -> bool,
    ) -> Result<(), OutboxError> {
        while go_on() {
            let Some(mail) = self.next(lease, tally).await? else { return Ok(()) };
            let span = tracing::info_span!("mail", mail = %mail.id, otel.status_code = Empty);
            let failure = self.attempt(way, &mail).instrument(span.clone()).await.err();
            if failure.is_some() {
                span.record("otel.status_code", "ERROR");
            }
            let is_lost = failure.as_ref().is_some_and(|failure| failure.kind == Kind::Lost);
            let outcome = judge(&mail, failure);
            let mut tx = self.db.write().await?;
            let is_ours = self.outbox.settle(&mut tx, &mail, &outcome).await?;
            tx.commit().await?;
            // Whoever has taken the mail over tells what becomes of it. That it has left is true all the same.
            if is_ours || matches!(outcome, Outcome::Sent) {
                tally.count(&mail, &outcome);
                self.count(outcome.name());
            }
            if is_lost {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Buries what has expired and claims what is due; nothing once the lease is somebody else's.
    async fn next(&self, lease: &Lease, tally: &mut Tally) -> Result<Option<Claimed>, OutboxError> {
        let mut tx = self.db.write().await?;
        if !lease.renew(&mut tx, self.outbox.clock.now(), LEASE).await? {
            return Ok(None);
        }
        let buried = self.outbox.bury_expired(&mut tx).await?;
        let claimed = self.outbox.claim(&mut tx, LEASE).await?;
        tx.commit().await?;
        for (mail, attempts) in buried {
            tracing::warn!(%mail, attempts, reason = "expired", "a mail was given up");
            tally.dead += 1;
            self.count("dead");
        }
        Ok(claimed)
    }

    fn count(&self, outcome: &'static str) {
        if let Some(deliveries) = &self.deliveries {
            deliveries.add(1, &[KeyValue::new("outcome", outcome)]);
        }
    }

    async fn attempt(&self, way: &mut Open<'_>, mail: &Claimed) -> Result<(), Failure> {
        // A key that this replica has not heard of yet may come.
        let Some(posted) = self.outbox.open(mail.id, mail.created_at, &mail.sealed) else {
            return Err(Failure::passing("it cannot be decrypted"));
        };
        let composed = compose(&self.from, &posted).map_err(|error| Failure::refused(error.to_string()))?;
        let sending = way.send(mail.id, &composed);
        tokio::time::timeout(self.patience.attempt, sending).await.unwrap_or_else(|_| Err(Failure::slow()))
    }
}

fn judge(mail: &Claimed, failure: Option<Failure>) -> Outcome {
    match failure {
        None => Outcome::Sent,
        Some(failure) if failure.kind == Kind::Refused => Outcome::Dead(failure.reason),
        Some(failure) if mail.attempts >= MAX_ATTEMPTS => {
            Outcome::Dead(format!("too many attempts; {}", failure.reason))
        }
        Some(failure) => Outcome::Failed(failure.reason),
    }
}

impl Tally {
    /// Counts and logs an outcome: the mail by its id, never by its address.
    fn count(&mut self, mail: &Claimed, outcome: &Outcome) {
        let Claimed { id, attempts, .. } = mail;
        match outcome {
            Outcome::Sent => {
                self.sent += 1;
                tracing::debug!(mail = %id, attempts, "a mail was sent");
            }
            Outcome::Failed(reason) => {
                self.failed += 1;
                tracing::warn!(mail = %id, attempts, reason, "a mail could not be sent yet");
            }
            Outcome::Dead(reason) => {
                self.dead += 1;
                tracing::warn!(mail = %id, attempts, reason, "a mail was given up");
            }
        }
    }
}
