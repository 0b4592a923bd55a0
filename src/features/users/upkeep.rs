//! What is done for accounts beside the requests, by one of all replicas: terms are made anew, and deleted
//! accounts are purged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::FromRef;

use super::error::UsersError;
use super::service::Users;
use super::{index, purge};
use crate::db::Session;
use crate::state::AppState;
use crate::tasks::Round;
use crate::tasks::lease::{HolderId, Lease};

/// How often is looked whether there is anything to do: two look-ups in indexes.
const PERIOD: Duration = Duration::from_secs(10);
/// Longer than a step: it is renewed with each.
const LEASE: Duration = Duration::from_secs(60);
const NAME: &str = "users";
/// How many accounts are worked on at once: others who write wait as long.
const REFRESHED: i64 = 200;
/// One by one: whoever deletes a role takes it from many at once, and two who hold many wait for each other.
const PURGED: i64 = 1;

/// Whoever does it.
pub struct Upkeep {
    users: Users,
    holder: HolderId,
    /// Whether nothing is left of what was purged, beside the tables; not known at the start.
    is_clean: AtomicBool,
    /// Whether the last round failed: told once, not every time.
    failing: AtomicBool,
}

/// What a round did, in accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub refreshed: usize,
    pub purged: usize,
}

/// Begins, until the shutdown.
pub fn start(state: &AppState) {
    let upkeep = Arc::new(Upkeep::new(state));
    let tasks = state.tasks.clone();
    state.tasks.every(NAME, PERIOD, move || {
        let (upkeep, tasks) = (upkeep.clone(), tasks.clone());
        async move { upkeep.run(|| !tasks.is_stopping()).await }
    });
}

impl Upkeep {
    pub fn new(state: &AppState) -> Self {
        Self {
            users: Users::from_ref(state),
            holder: HolderId::fresh(&state.clock, &state.random),
            is_clean: AtomicBool::new(false),
            failing: AtomicBool::new(false),
        }
    }

    /// One round, with its outcome logged: the next one comes.
    async fn run(&self, go_on: impl Fn() -> bool) -> Round {
        let round = self.round(go_on).await;
        let outcome = Round::of(&round);
        let failed_before = self.failing.swap(round.is_err(), Ordering::Relaxed);
        match round {
            Err(error) if !failed_before => {
                tracing::error!(%error, task = NAME, "accounts cannot be kept up at the moment")
            }
            Ok(Done { refreshed, purged }) if refreshed + purged > 0 => {
                tracing::info!(refreshed, purged, "accounts were indexed anew, and deleted ones purged");
            }
            _ => {}
        }
        outcome
    }

    /// Does all there is to do, as long as `go_on` says so and nobody else does it.
    pub async fn round(&self, go_on: impl Fn() -> bool) -> Result<Done, UsersError> {
        let state = &self.users.0;
        let mut done = Done::default();
        if self.has_work(&mut state.db.read().await?).await?
            && let Some(lease) = Lease::take(&state.db, NAME, self.holder, state.clock.now(), LEASE).await?
        {
            let worked = self.work(&lease, &mut done, go_on).await;
            lease.release(&state.db, state.clock.now()).await?;
            worked?;
        }
        if !self.is_clean.load(Ordering::Relaxed) {
            let is_clean = state.db.scrub().await?;
            self.is_clean.store(is_clean, Ordering::Relaxed);
        }
        Ok(done)
    }

    async fn has_work(&self, db: &mut Session) -> Result<bool, UsersError> {
        let is_due = !purge::due(db, self.users.purged_before(), 1).await?.is_empty();
        Ok(is_due || index::is_stale(db).await?)
    }

    /// Step by step, each in one transaction with the renewal of the lease.
    async fn work(&self, lease: &Lease, done: &mut Done, go_on: impl Fn() -> bool) -> Result<(), UsersError> {
        let state = &self.users.0;
        while go_on() {
            let mut tx = state.db.write().await?;
            if !lease.renew(&mut tx, state.clock.now(), LEASE).await? {
                return Ok(());
            }
            let refreshed = index::refresh(&mut tx, REFRESHED).await?;
            let purged = self.users.purge(&mut tx, PURGED).await?;
            if purged > 0 {
                self.is_clean.store(false, Ordering::Relaxed);
            }
            tx.commit().await?;
            done.refreshed += refreshed;
            done.purged += purged;
            if refreshed + purged == 0 {
                return Ok(());
            }
        }
        Ok(())
    }
}
