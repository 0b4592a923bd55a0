//! How long a password waited for a thread, and how long the thread took: the two reasons why it is slow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;
use tracing::field::Empty;

use crate::base::clock::millis;
use crate::base::seldom::Seldom;
use crate::telemetry::subject::{Subject, on_behalf};

/// Whoever waits so long has noticed.
const SLOW: Duration = Duration::from_secs(1);

/// They come in crowds: one warning a second tells of all of them.
static CROWD: Seldom = Seldom::every(Duration::from_secs(1));

/// The span in which somebody waits for a hash.
pub(super) fn span() -> Span {
    tracing::trace_span!("hash", queue_ms = Empty, computation_ms = Empty)
}

/// Runs while a thread works for somebody.
pub(super) struct Stopwatch {
    span: Span,
    subject: Option<Arc<Subject>>,
    waited: Duration,
    begun: Instant,
}

impl Stopwatch {
    pub fn begin(span: Span, subject: Option<Arc<Subject>>, queued: Instant) -> Self {
        Self { span, subject, waited: queued.elapsed(), begun: Instant::now() }
    }

    /// Hands over what was worked out. The times come first: with the answer the span ends.
    pub fn answer<T>(self, reply: oneshot::Sender<T>, answer: T) {
        let computed = self.begun.elapsed();
        self.span.record("queue_ms", millis(self.waited));
        self.span.record("computation_ms", millis(computed));
        on_behalf(self.subject, || warn_if_slow(SLOW, self.waited, computed, &CROWD));
        // Who does not wait any more needs no answer.
        _ = reply.send(answer);
    }
}

fn warn_if_slow(limit: Duration, waited: Duration, computed: Duration, crowd: &Seldom) {
    if waited + computed < limit {
        return;
    }
    let cause = match waited > computed {
        true => "more come than can be computed",
        false => "the machine is slow, or auth.hash asks for too much of it",
    };
    if let Some(times) = crowd.counting(1) {
        let (queue_ms, computation_ms) = (millis(waited), millis(computed));
        tracing::warn!(queue_ms, computation_ms, times, cause, "a slow hash");
    }
}
