//! How long ago this replica last heard what changed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest that anyone is believed without a look at the feed.
const TRUSTED: Duration = Duration::from_secs(5);

/// Since when this replica knows what it knows.
pub struct Freshness {
    origin: Instant,
    /// When the last look that succeeded began, in milliseconds after the origin.
    looked: AtomicU64,
    /// Whether the log says that nobody is believed.
    pub told: AtomicBool,
    /// The keys in the database may be others than those that are held.
    pub keys_changed: AtomicBool,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            looked: AtomicU64::new(0),
            told: AtomicBool::new(false),
            // Since they were read and before the first look they may have changed, unheard.
            keys_changed: AtomicBool::new(true),
        }
    }
}

impl Freshness {
    pub fn looked_at(&self, begun: Instant) {
        let millis = u64::try_from(begun.duration_since(self.origin).as_millis()).unwrap_or(u64::MAX);
        self.looked.fetch_max(millis, Ordering::AcqRel);
    }

    /// How long ago the last look that succeeded began.
    pub fn age(&self) -> Duration {
        self.origin.elapsed().saturating_sub(Duration::from_millis(self.looked.load(Ordering::Acquire)))
    }

    pub fn is_fresh(&self) -> bool {
        self.is_fresh_at(Instant::now())
    }

    fn is_fresh_at(&self, now: Instant) -> bool {
        now.duration_since(self.origin)
            <= TRUSTED + Duration::from_millis(self.looked.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_believed_five_seconds_after_the_last_look_that_succeeded_began() {
        let freshness = Freshness::default();
        let after = |millis| freshness.origin + Duration::from_millis(millis);
        assert!(freshness.is_fresh_at(after(5_000)) && !freshness.is_fresh_at(after(5_001)));
        freshness.looked_at(after(3_000));
        assert!(freshness.is_fresh_at(after(8_000)) && !freshness.is_fresh_at(after(8_001)));
        // A look that began earlier and took longer says nothing new.
        freshness.looked_at(after(1_000));
        assert!(freshness.is_fresh_at(after(8_000)));
    }
}
