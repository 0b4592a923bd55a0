//! Refreshes that the database held up: whoever was told to come again is no thief for having done so.
//!
//! A refresh may be committed though its answer was an error, and by the time the database answers again
//! `auth.refresh_grace` may be over. So the time in which a replica could only say 503 for a session does not count.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::id::SessionId;

/// For how many sessions at once. Beyond, grace is what it is.
const MOST: usize = 10_000;

/// From the first to the last refresh of a session that was answered so.
#[derive(Clone, Copy)]
struct Spell {
    since: Timestamp,
    until: Timestamp,
}

#[derive(Default)]
pub(super) struct Unanswered(Mutex<HashMap<SessionId, Spell>>);

impl Unanswered {
    /// A refresh that began then has come to nothing by now.
    pub(super) fn note(&self, session: SessionId, begun: Timestamp, now: Timestamp, grace: Duration) {
        let mut spells = self.spells();
        if spells.len() >= MOST {
            spells.retain(|_, spell| now.since(spell.until) <= grace);
        }
        let since = spells
            .get(&session)
            .filter(|spell| begun.since(spell.until) <= grace)
            .map_or(begun, |spell| spell.since);
        if spells.len() < MOST || spells.contains_key(&session) {
            spells.insert(session, Spell { since, until: now });
        }
    }

    /// Whether a repetition comes in time that would be too late by the clock alone: the refresh itself was in
    /// time for the first that was not answered, and this one is for the last.
    pub(super) fn excuses(
        &self,
        session: SessionId,
        refreshed_at: Timestamp,
        now: Timestamp,
        grace: Duration,
    ) -> bool {
        let spell = self.spells().get(&session).copied();
        spell.is_some_and(|Spell { since, until }| {
            since.since(refreshed_at) <= grace && now.since(until) <= grace
        })
    }

    fn spells(&self) -> MutexGuard<'_, HashMap<SessionId, Spell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);
    const SESSION: SessionId = SessionId(uuid::Uuid::from_u128(1));

    fn at(seconds: u64) -> Timestamp {
        "2030-01-01T08:00:00Z".parse::<Timestamp>().unwrap().plus(Duration::from_secs(seconds))
    }

    /// Whether a repetition at the last of these times is excused of a refresh that was made at the first, after
    /// answers that did not come from and until those between.
    fn excused(refreshed: u64, unanswered: &[(u64, u64)], now: u64) -> bool {
        let memory = Unanswered::default();
        for &(begun, until) in unanswered {
            memory.note(SESSION, at(begun), at(until), GRACE);
        }
        memory.excuses(SESSION, at(refreshed), at(now), GRACE)
    }

    #[test]
    fn who_comes_again_as_told_is_excused_for_as_long_as_nothing_could_be_answered() {
        assert!(excused(0, &[(0, 13)], 20));
        assert!(excused(5, &[(14, 19), (20, 33), (40, 53)], 62));
        // It was made while the answer was waited for.
        assert!(excused(7, &[(0, 13)], 23));
    }

    #[test]
    fn who_comes_later_or_with_what_was_used_long_before_is_not() {
        assert!(!excused(0, &[], 5));
        assert!(!excused(0, &[(0, 13)], 24));
        assert!(!excused(0, &[(11, 13)], 14));
        assert!(!excused(0, &[(0, 13), (24, 26)], 27), "another spell, too late for the first");
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let memory = Unanswered::default();
        let session = |n: usize| SessionId(uuid::Uuid::from_u128(u128::try_from(n).unwrap()));
        for n in 0..MOST + 5 {
            memory.note(session(n), at(0), at(1), GRACE);
        }
        assert_eq!(memory.spells().len(), MOST);
        memory.note(session(MOST + 9), at(60), at(61), GRACE);
        assert_eq!(memory.spells().len(), 1, "those that excuse nobody any more made room");
    }
}
