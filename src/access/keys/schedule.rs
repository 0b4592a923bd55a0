//! Which key is in use when: read off the times in the rows.

use std::time::Duration;

use serde::Serialize;

use super::store::{Purpose, Row};
use crate::access::device;
use crate::base::clock::Timestamp;
use crate::config::Auth;

/// How long a new key is known everywhere before it makes anything.
pub const LEAD: Duration = Duration::from_secs(60);
/// How far the clocks of replicas may be apart: an old key is accepted for so much longer.
const SLACK: Duration = Duration::from_secs(60);

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Longer than any mail waits to be sent or can be read.
const MAIL: Duration = DAY.saturating_mul(30);

/// How long what a key made can be of use.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    access: Duration,
    refresh: Duration,
}

impl Lives {
    pub fn of(settings: &Auth) -> Self {
        Self { access: settings.access_ttl, refresh: settings.refresh_absolute_ttl }
    }

    fn life(self, purpose: Purpose) -> Option<Duration> {
        match purpose {
            Purpose::Signing => Some(self.access),
            Purpose::Refresh => Some(self.refresh),
            Purpose::Device => Some(device::LIFE),
            Purpose::Cursor => Some(DAY),
            Purpose::Outbox => Some(MAIL),
            Purpose::Lookup => None,
        }
    }
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Known everywhere, makes nothing yet.
    Published,
    /// Makes what it is for.
    Active,
    /// Makes nothing any more; what it made is accepted.
    Accepted,
    /// Nothing that it made can be valid any more.
    Retired,
    Revoked,
}

/// When nothing that a key made is valid any more; `None` while no other has taken its place.
///
/// A key that was revoked before it made anything has taken nobody's place.
pub fn ends_at(row: &Row, all: &[Row], lives: Lives) -> Option<Timestamp> {
    let later = all.iter().filter(|other| other.purpose == row.purpose && other.ordinal > row.ordinal);
    let working = later.filter(|other| other.revoked_at.is_none_or(|revoked| other.makes_at() <= revoked));
    let superseded_at = working.map(Row::makes_at).min()?;
    Some(superseded_at.plus(lives.life(row.purpose)?).plus(SLACK))
}

/// Where a key stands among `all`, newest first.
pub fn state(row: &Row, all: &[Row], lives: Lives, now: Timestamp) -> State {
    if row.revoked_at.is_some() {
        return State::Revoked;
    }
    if ends_at(row, all, lives).is_some_and(|end| end <= now) {
        return State::Retired;
    }
    match maker(row.purpose, all, now) {
        Some(maker) if maker.id == row.id => State::Active,
        _ if row.makes_at() > now => State::Published,
        _ => State::Accepted,
    }
}

/// The key of a purpose that makes new things.
pub fn maker(purpose: Purpose, all: &[Row], now: Timestamp) -> Option<&Row> {
    let usable = || all.iter().filter(|row| row.purpose == purpose && row.revoked_at.is_none());
    usable().find(|row| row.makes_at() <= now).or_else(|| usable().next_back())
}

/// The key of a purpose that is published and makes nothing yet.
pub fn published(purpose: Purpose, all: &[Row], now: Timestamp) -> Option<&Row> {
    let usable = all.iter().filter(|row| row.purpose == purpose && row.revoked_at.is_none());
    usable.into_iter().find(|row| row.makes_at() > now)
}
