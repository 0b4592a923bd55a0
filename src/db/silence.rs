//! Connections that nobody answers on any more, though they look open: a network that fell silent, a
//! firewall that forgot them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// The longest that an idle connection may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// When a connection of a pool was last found to be silent. Clones share it.
#[derive(Clone)]
pub(super) struct Silence {
    patience: Duration,
    found_at: Arc<Mutex<Option<Instant>>>,
}

impl Silence {
    /// For a pool whose connections are waited for `acquire_timeout` long: a silent one is found in half of
    /// it, so that there is time for another.
    pub fn new(acquire_timeout: Duration) -> Self {
        Self { patience: ANSWER.min(acquire_timeout / 2), found_at: Arc::default() }
    }

    /// Asks a connection that has been idle for `idle_for` whether it is still there. One that has been idle
    /// since before another was found silent went with it: to ask each would cost this long for each.
    pub async fn ask(&self, connection: &mut PgConnection, idle_for: Duration) -> Result<(), sqlx::Error> {
        if self.found().is_some_and(|found| found.elapsed() < idle_for) {
            return Err(sqlx::Error::PoolTimedOut);
        }
        match timeout(self.patience, connection.ping()).await {
            Ok(answer) => answer,
            Err(_) => {
                *self.found_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                Err(sqlx::Error::PoolTimedOut)
            }
        }
    }

    fn found(&self) -> Option<Instant> {
        *self.found_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
