//! Floor 8: what every request can reach. Handles only; `app.rs` puts them together.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;

use crate::access::Access;
use crate::access::audit::Audit;
use crate::access::password::Passwords;
use crate::access::permission::Catalogue;
use crate::base::clock::Clock;
use crate::base::latest::Latest;
use crate::base::random::Random;
use crate::config::Config;
use crate::db::{Db, migrate};
use crate::http::holding::Holding;
use crate::http::idempotency::Idempotency;
use crate::http::load::Load;
use crate::http::page::Cursors;
use crate::mail::Outbox;
use crate::server::Crowd;
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;

/// The handles, shared by all requests. A clone is one count.
#[derive(Clone)]
pub struct AppState(Arc<Handles>);

pub struct Handles {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub random: Random,
    pub db: Db,
    /// How the database answered the last probe.
    pub database: Latest<migrate::Answer>,
    pub tasks: Tasks,
    pub metrics: Metrics,
    /// The requests under way on the public listener.
    pub load: Load,
    /// The connections to it.
    pub crowd: Crowd,
    pub outbox: Outbox,
    pub access: Access,
    pub passwords: Passwords,
    pub audit: Audit,
    /// What roles can permit.
    pub permissions: Catalogue,
    /// What features hold about a person.
    pub holdings: Vec<Holding<AppState>>,
    pub cursors: Cursors,
    pub idempotency: Idempotency,
}

impl AppState {
    pub fn new(handles: Handles) -> Self {
        Self(Arc::new(handles))
    }
}

impl Deref for AppState {
    type Target = Handles;
    fn deref(&self) -> &Handles {
        &self.0
    }
}

impl FromRef<AppState> for Access {
    fn from_ref(state: &AppState) -> Self {
        state.access.clone()
    }
}
