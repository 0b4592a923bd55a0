//! Telling somebody else's time between two looks at their clock.

use std::time::{Duration, Instant};

/// How far two clocks may drift apart: one part in so many. That of quartz is a tenth of it.
const DRIFT: u32 = 2000;

/// A look at a clock: it showed this at some moment between two of ours.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    at: Instant,
    /// Microseconds since 1970.
    shown: i64,
    /// By how much it may have been shown earlier or later.
    doubt: Duration,
}

impl Look {
    /// Somewhere between asking and being answered: the middle it is, and never wrong by more than half.
    pub fn between(asked: Instant, answered: Instant, shown: i64) -> Self {
        let doubt = answered.saturating_duration_since(asked) / 2;
        Self { at: asked + doubt, shown, doubt }
    }

    /// What that clock shows now.
    pub fn shows(&self, now: Instant) -> i64 {
        self.shown.saturating_add(micros(now.saturating_duration_since(self.at)))
    }

    /// Whether this, the later one, says more than `other`: it is surer by now, or both cannot be right.
    pub fn betters(&self, other: &Self) -> bool {
        let old = other.doubt + self.at.saturating_duration_since(other.at) / DRIFT;
        let apart = self.shown.abs_diff(other.shows(self.at));
        self.doubt <= old || u128::from(apart) > (self.doubt + old).as_micros()
    }
}

/// The time by the last look, on the monotonic clock: whatever happens to the machine's own changes nothing.
///
/// It never goes back. Where more was told before than is true, it goes at half its pace until it is true.
#[derive(Clone, Copy, Debug)]
pub struct Reckoning {
    look: Look,
    since: Instant,
    /// Microseconds that were told too much.
    lead: i64,
}

impl Reckoning {
    pub fn first(look: Look, now: Instant) -> Self {
        Self { look, since: now, lead: 0 }
    }

    /// The same time by a later look.
    pub fn corrected(&self, look: Look, now: Instant) -> Self {
        if !look.betters(&self.look) {
            return *self;
        }
        let lead = self.tells(now).saturating_sub(look.shows(now)).max(0);
        Self { look, since: now, lead }
    }

    /// Microseconds since 1970, for whoever asks what time it is.
    pub fn tells(&self, now: Instant) -> i64 {
        let worked_off = micros(now.saturating_duration_since(self.since)) / 2;
        self.shows(now).saturating_add(self.lead.saturating_sub(worked_off).max(0))
    }

    /// What the clock shows that was looked at.
    pub fn shows(&self, now: Instant) -> i64 {
        self.look.shows(now)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A look that took `took` and ended `after` the origin.
    fn look(origin: Instant, after: u64, took: u64, shown: i64) -> Look {
        Look::between(origin + ms(after - took), origin + ms(after), shown)
    }

    #[test]
    fn it_was_shown_in_the_middle_of_the_round_trip() {
        let origin = Instant::now();
        let first = Reckoning::first(look(origin, 20, 20, SECOND), origin + ms(20));
        assert_eq!(first.tells(origin + ms(20)), SECOND + 10_000);
        assert_eq!(first.tells(origin + ms(1020)), 2 * SECOND + 10_000);
    }

    #[test]
    fn it_never_goes_back_and_tells_the_truth_in_twice_the_time_that_it_was_ahead() {
        let origin = Instant::now();
        let ahead = Reckoning::first(look(origin, 2, 2, 100 * SECOND), origin + ms(2));
        let set_back = ahead.corrected(look(origin, 1002, 2, 91 * SECOND), origin + ms(1002));
        let told: Vec<i64> = (0..=210).map(|tenth| set_back.tells(origin + ms(1002 + 100 * tenth))).collect();
        assert!(told[0] >= ahead.tells(origin + ms(1002)) && told.is_sorted(), "{told:?}");
        assert_eq!(told[10] - told[0], SECOND / 2, "half a second in a second");
        assert_eq!(told[199] - set_back.shows(origin + ms(20_902)), SECOND / 20, "almost there");
        assert_eq!(told[200], set_back.shows(origin + ms(21_002)), "ten seconds ahead, twenty to go");
        assert_eq!(told[210] - told[200], SECOND, "and on at its own pace");
    }

    #[test]
    fn what_was_set_forward_is_followed_at_once() {
        let origin = Instant::now();
        let first = Reckoning::first(look(origin, 2, 2, SECOND), origin);
        let set_forward = first.corrected(look(origin, 252, 2, 3600 * SECOND), origin + ms(252));
        assert_eq!(set_forward.tells(origin + ms(252)), 3600 * SECOND + 1000);
    }

    #[test]
    fn a_look_that_took_long_says_nothing_unless_it_contradicts() {
        let origin = Instant::now();
        let first = Reckoning::first(look(origin, 2, 2, SECOND), origin + ms(2));
        let now = origin + ms(1002);
        // Answered at the end of a second, or at its beginning: both agree with what is known.
        for shown in [SECOND, 2 * SECOND] {
            let slow = first.corrected(look(origin, 1002, 1000, shown), now);
            assert_eq!(slow.tells(now), first.tells(now));
        }
        let other = first.corrected(look(origin, 1002, 1000, 9 * SECOND), now);
        assert_eq!(other.tells(now), 9 * SECOND + 500_000);
        // What is known is less sure with time.
        let later = origin + ms(60_000);
        let soon = first.corrected(look(origin, 60_000, 30, 61 * SECOND), later);
        assert_eq!(soon.tells(later), 61 * SECOND + 15_000);
    }
}
