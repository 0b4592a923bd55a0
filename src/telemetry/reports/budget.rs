//! How many reports may leave: so many in any minute, and of one fault only some of them, or whoever can cause
//! one fault again and again would hide all others.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::clock::Clock;

const WINDOW: Duration = Duration::from_secs(60);

/// Reports in a window.
const ALL: usize = 60;
/// Those of one fault.
const OF_ONE: usize = 10;
/// As long as there are fewer than these a fault may be told again; the rest is for faults that were not told.
const AGAIN: usize = 30;

/// Reports that wait to be sent, and those of the last minute; never more than [`ALL`].
pub(super) struct Budget {
    clock: Clock,
    taken: Mutex<VecDeque<Taken>>,
}

struct Taken {
    fault: u64,
    /// `None` as long as it waits.
    sent: Option<Duration>,
}

impl Budget {
    pub fn new(clock: Clock) -> Self {
        Self { clock, taken: Mutex::default() }
    }

    /// Takes a place for a report of this fault, if there is one.
    pub fn admits(&self, fault: u64) -> bool {
        let mut taken = self.taken();
        let now = self.clock.steady();
        // In order of the time at which they were sent.
        while taken.front().is_some_and(|first| first.sent.is_some_and(|at| now >= at + WINDOW)) {
            taken.pop_front();
        }
        let told = taken.iter().filter(|report| report.fault == fault).count();
        let is_admitted = match told {
            0 => taken.len() < ALL,
            _ => told < OF_ONE && taken.len() < AGAIN,
        };
        if is_admitted {
            taken.push_back(Taken { fault, sent: None });
        }
        is_admitted
    }

    /// The report that has waited for longest has been sent, or cannot be. Its minute begins now: what waited
    /// for a slow receiver must not come to it at once with what is admitted later.
    pub fn note_sent(&self) {
        let mut taken = self.taken();
        let now = self.clock.steady();
        if let Some(first) = taken.iter_mut().find(|report| report.sent.is_none()) {
            first.sent = Some(now);
        }
    }

    pub fn waiting(&self) -> usize {
        self.taken().iter().filter(|report| report.sent.is_none()).count()
    }

    fn taken(&self) -> MutexGuard<'_, VecDeque<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    fn budget() -> (Budget, Clock) {
        let clock = Clock::manual(Timestamp::EPOCH);
        (Budget::new(clock.clone()), clock)
    }

    /// How many of so many faults are told, each at once.
    fn told(budget: &Budget, faults: impl Iterator<Item = u64>) -> usize {
        let admitted = faults.filter(|fault| budget.admits(*fault)).count();
        (0..admitted).for_each(|_| budget.note_sent());
        admitted
    }

    #[test]
    fn in_any_sixty_seconds_there_are_sixty_at_most() {
        let (budget, clock) = budget();
        let mut sent: Vec<u64> = Vec::new();
        for second in 0..300 {
            // Another fault each time, and twenty of them a second.
            let faults = (0..20).map(|fault| second * 20 + fault);
            sent.extend(std::iter::repeat_n(second, told(&budget, faults)));
            clock.advance(Duration::from_secs(1));
        }
        for begin in 0..240 {
            let window = sent.iter().filter(|at| (begin..begin + 60).contains(*at)).count();
            assert_eq!(window, ALL, "from second {begin}");
        }
    }

    #[test]
    fn one_fault_leaves_room_for_others() {
        let (budget, clock) = budget();
        assert_eq!(told(&budget, std::iter::repeat_n(1, 1000)), OF_ONE);
        assert_eq!(told(&budget, std::iter::repeat_n(2, 1000)), OF_ONE);
        // Nor do some few that take turns.
        let many = told(&budget, (0..1000).map(|turn| turn % 5));
        assert_eq!(2 * OF_ONE + many, AGAIN);
        assert_eq!(told(&budget, 100..1000), ALL - AGAIN);
        clock.advance(Duration::from_secs(60));
        assert_eq!(told(&budget, std::iter::repeat_n(1, 1000)), OF_ONE, "and then again");
    }

    #[test]
    fn what_waits_has_its_place_until_a_minute_after_it_was_sent() {
        let (budget, clock) = budget();
        assert_eq!((0..100).filter(|fault| budget.admits(*fault)).count(), ALL);
        clock.advance(Duration::from_secs(3600));
        assert!(!budget.admits(100) && budget.waiting() == ALL);
        budget.note_sent();
        clock.advance(Duration::from_secs(59));
        assert!(!budget.admits(100) && budget.waiting() == ALL - 1);
        clock.advance(Duration::from_secs(1));
        assert!(budget.admits(100) && !budget.admits(101));
    }
}
