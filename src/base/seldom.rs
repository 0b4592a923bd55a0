//! What happens often is said seldom: the log must not drown in its own warnings.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets something be said once in a while, and counts how often it was not.
#[derive(Debug)]
pub struct Seldom {
    period: Duration,
    said: Mutex<(Option<Instant>, u64)>,
}

impl Seldom {
    pub const fn every(period: Duration) -> Self {
        Self { period, said: Mutex::new((None, 0)) }
    }

    /// Counts what cannot be said where it happens.
    pub fn note(&self, count: u64) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).1 += count;
    }

    /// Whether it is time to say it, `count` more having happened; if so, how many there were since it was
    /// said last.
    pub fn counting(&self, count: u64) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.1 += count;
        if said.1 == 0 || said.0.is_some_and(|last| last.elapsed() < self.period) {
            return None;
        }
        Some(std::mem::replace(&mut *said, (Some(Instant::now()), 0)).1)
    }

    /// What was not said yet, for whoever comes to an end.
    pub fn rest(&self) -> Option<u64> {
        let count = std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner).1);
        (count > 0).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_said_is_counted_until_it_is_time() {
        let hourly = Seldom::every(Duration::from_secs(3600));
        let counts = [0, 2, 1, 4].map(|count| hourly.counting(count));
        assert_eq!(counts, [None, Some(2), None, None]);
        hourly.said.lock().unwrap().0 = None;
        assert_eq!(hourly.counting(1), Some(6));
        assert_eq!((hourly.counting(3), hourly.rest(), hourly.rest()), (None, Some(3), None));
        let always = Seldom::every(Duration::ZERO);
        assert_eq!([3, 0, 1].map(|count| always.counting(count)), [Some(3), None, Some(1)]);
    }
}
