//! How many connections there are, and how long anything may take.

use std::time::Duration;

/// Pool settings and time-outs.
#[derive(Clone, Debug)]
pub struct Options {
    pub max_connections: u32,
    /// How long a request waits for a connection before it is told 503.
    pub acquire_timeout: Duration,
    /// After this the server gives up on one statement.
    pub statement_timeout: Duration,
    /// Whether a pooler stands before PostgreSQL that lends connections for one transaction at a time.
    pub is_pooled: bool,
}

impl Options {
    /// How long a statement waits for what other transactions hold.
    pub(super) fn lock_timeout(&self) -> Duration {
        self.statement_timeout / 2
    }

    /// How long a transaction may rest between two statements. Those whose line fell silent keep their locks
    /// for so long, and whoever waits for these should still get them; on a busy machine a while is not silence.
    fn idle_timeout(&self) -> Duration {
        self.lock_timeout() * 4 / 5
    }

    /// What PostgreSQL is to keep to, in milliseconds.
    pub(super) fn limits(&self) -> [(&'static str, u128); 3] {
        [
            ("statement_timeout", self.statement_timeout.as_millis()),
            ("lock_timeout", self.lock_timeout().as_millis()),
            ("idle_in_transaction_session_timeout", self.idle_timeout().as_millis()),
        ]
    }
}
