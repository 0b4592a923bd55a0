//! What is measured of callers: who is not believed and why, and what happens to accounts.

use std::sync::{Arc, OnceLock};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

/// Instruments, once there are any: commands run without. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Meters(Arc<OnceLock<Instruments>>);

struct Instruments {
    refusals: Counter<u64>,
    refreshes: Counter<u64>,
    throttled: Counter<u64>,
    changes: Counter<u64>,
    audited: Counter<u64>,
}

impl Instruments {
    fn new(meter: &Meter, actions: impl Iterator<Item = &'static str>) -> Self {
        let counter =
            |name, unit, about| meter.u64_counter(name).with_unit(unit).with_description(about).build();
        let this = Self {
            refusals: counter("auth.refusals", "{refusal}", "Callers who were not believed, and why"),
            refreshes: counter("auth.refreshes", "{refresh}", "Refresh tokens traded for the next pair"),
            throttled: counter("throttle.refusals", "{refusal}", "Requests beyond a budget, by which budget"),
            changes: counter("feed.changes", "{change}", "Changes about callers heard of in the feed"),
            audited: counter("audit.events", "{event}", "Entries of the audit log, by what happened"),
        };
        this.begin_at_zero(actions);
        this
    }

    /// Whoever watches an increase must not miss the first: a series that begins at 1 has none.
    fn begin_at_zero(&self, actions: impl Iterator<Item = &'static str>) {
        REASONS.iter().for_each(|reason| self.refusals.add(0, &[KeyValue::new("reason", *reason)]));
        BUDGETS.iter().for_each(|budget| self.throttled.add(0, &[KeyValue::new("budget", *budget)]));
        actions.for_each(|action| self.audited.add(0, &[KeyValue::new("action", action)]));
        self.refreshes.add(0, &[]);
        self.changes.add(0, &[]);
    }
}

const REASONS: [&str; 11] = [
    "malformed",
    "unknown_key",
    "signature",
    "audience",
    "expired",
    "session_over",
    "permission_lost",
    "feed_unheard",
    "refresh_token_invalid",
    "refresh_token_reused",
    "password_wrong",
];
const BUDGETS: [&str; 5] = ["account", "device", "session", "mail", "notice"];

impl Meters {
    /// `actions` are what the audit log may say.
    pub fn start(&self, meter: &Meter, actions: impl Iterator<Item = &'static str>) {
        self.0.get_or_init(|| Instruments::new(meter, actions));
    }

    pub fn refused(&self, reason: &'static str) {
        if let Some(all) = self.0.get() {
            all.refusals.add(1, &[KeyValue::new("reason", reason)]);
        }
    }

    pub fn refreshed(&self) {
        if let Some(all) = self.0.get() {
            all.refreshes.add(1, &[]);
        }
    }

    pub fn throttled(&self, budget: &'static str) {
        if let Some(all) = self.0.get() {
            all.throttled.add(1, &[KeyValue::new("budget", budget)]);
        }
    }

    pub fn heard(&self, changes: usize) {
        if let Some(all) = self.0.get() {
            all.changes.add(u64::try_from(changes).unwrap_or(u64::MAX), &[]);
        }
    }

    /// Counted when it is written, before its transaction ends: one that fails is counted, too.
    pub fn audited(&self, action: &'static str) {
        if let Some(all) = self.0.get() {
            all.audited.add(1, &[KeyValue::new("action", action)]);
        }
    }
}
