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
}
