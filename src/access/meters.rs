//! What is measured of callers: who is not believed and why, and what happens to accounts.

use std::sync::{Arc, OnceLock};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};

use super::audit::Action;
use super::issue::IssueError;
use super::password::{PasswordError, Standing};
use super::token::InvalidToken;
use super::{Access, AccessError};

/// Instruments, once there are any: commands run without. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Meters(Arc<OnceLock<Instruments>>);

struct Instruments {
    refusals: Counter<u64>,
    refreshes: Counter<u64>,
    throttled: Counter<u64>,
    changes: Counter<u64>,
    audited: Counter<u64>,
    /// The label of each action, in the order of [`Action::ALL`].
    actions: Vec<[KeyValue; 1]>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let counter =
            |name, unit, about| meter.u64_counter(name).with_unit(unit).with_description(about).build();
        let this = Self {
            refusals: counter("auth.refusals", "{refusal}", "Callers who were not believed, and why"),
            refreshes: counter("auth.refreshes", "{refresh}", "Refresh tokens traded for the next pair"),
            throttled: counter("throttle.refusals", "{refusal}", "Requests beyond a budget, by which budget"),
            changes: counter("feed.changes", "{change}", "Changes about callers heard of in the feed"),
            audited: counter("audit.events", "{event}", "Entries of the audit log, by what happened"),
            actions: Action::ALL.map(|action| [KeyValue::new("action", name(action))]).into(),
        };
        this.begin_at_zero();
        this
    }

    /// Whoever watches an increase must not miss the first: a series that begins at 1 has none.
    fn begin_at_zero(&self) {
        REASONS.iter().for_each(|reason| self.refusals.add(0, &[KeyValue::new("reason", *reason)]));
        BUDGETS.iter().for_each(|budget| self.throttled.add(0, &[KeyValue::new("budget", *budget)]));
        self.actions.iter().for_each(|action| self.audited.add(0, action));
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

/// As the audit log has it.
fn name(action: Action) -> String {
    serde_json::to_value(action).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

impl Meters {
    pub fn refused(&self, reason: Reason) {
        if let Some(all) = self.0.get() {
            all.refusals.add(1, &[KeyValue::new("reason", reason.0)]);
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
    pub fn audited(&self, action: Action) {
        let Some(all) = self.0.get() else { return };
        let place = Action::ALL.iter().position(|one| *one == action);
        if let Some(label) = place.and_then(|place| all.actions.get(place)) {
            all.audited.add(1, label);
        }
    }
}

/// Why somebody is not believed, in a word.
#[derive(Clone, Copy)]
pub(super) struct Reason(&'static str);

impl Reason {
    /// Nothing, where it is not about the caller.
    pub fn of_access(error: &AccessError) -> Option<Self> {
        Some(Self(match error {
            AccessError::Token(InvalidToken::Malformed) => "malformed",
            AccessError::Token(InvalidToken::UnknownKey) => "unknown_key",
            AccessError::Token(InvalidToken::Signature) => "signature",
            AccessError::Token(InvalidToken::Audience) => "audience",
            AccessError::Token(InvalidToken::Expired) => "expired",
            AccessError::Over => "session_over",
            AccessError::Less => "permission_lost",
            AccessError::Unheard => "feed_unheard",
            AccessError::Database(_) => return None,
        }))
    }

    pub fn of_issue(error: &IssueError) -> Option<Self> {
        Some(Self(match error {
            IssueError::InvalidRefreshToken | IssueError::Over => "refresh_token_invalid",
            IssueError::RefreshTokenReused => "refresh_token_reused",
            IssueError::Database(_) | IssueError::NoKey(_) | IssueError::Encoding(_) => return None,
        }))
    }

    pub fn of_password(error: &PasswordError) -> Option<Self> {
        matches!(error, PasswordError::Wrong | PasswordError::WrongCurrent).then_some(Self("password_wrong"))
    }
}

/// Whose budget of guesses it is.
pub(super) fn budget(standing: Standing) -> &'static str {
    match standing {
        Standing::Stranger => "account",
        Standing::Device(..) => "device",
        Standing::Session(_) => "session",
    }
}

impl Access {
    /// Measures from now on.
    pub fn measure(&self, meter: &Meter) {
        self.audit.meters.0.get_or_init(|| Instruments::new(meter));
        let freshness = self.freshness.clone();
        meter
            .f64_observable_gauge("feed.lag")
            .with_unit("s")
            .with_description("Time since the last look at the feed began; beyond 5 s no caller is believed")
            .with_callback(move |to| to.observe(freshness.age().as_secs_f64(), &[]))
            .build();
    }
}
