//! One kind of budget: a row for each of those who draw on it.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::Response;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter, clock};

use super::fields::{RATE_LIMIT, RATE_LIMIT_POLICY, left, policy};
use crate::base::clock::Clock;
use crate::http::code::Code;
use crate::http::problem::Problem;

const WINDOW: Duration = Duration::from_secs(60);
/// How many networks, and how many users, have a budget of their own. About five megabytes.
const MOST: usize = 1 << 16;
/// Beyond that, strangers share so many.
const SHARED: u64 = 1 << 10;
/// How often full budgets, which need no row, are thrown away; and how often where there are too many.
const TIDY: Duration = Duration::from_secs(60);
const TIDY_SOON: Duration = Duration::from_secs(1);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key<K> {
    Own(K),
    Shared(u64),
}

type Rows<K> =
    RateLimiter<Key<K>, HashMapStateStore<Key<K>, RandomState>, Steady, StateInformationMiddleware>;

pub struct Budget<K: Hash + Eq + Clone> {
    name: &'static str,
    quota: NonZeroU32,
    pub policy: HeaderValue,
    limiter: Rows<K>,
    clock: Steady,
    strangers: RandomState,
    /// When rows were last thrown away, in milliseconds of the clock.
    tidied: AtomicU64,
}

impl<K: Hash + Eq + Clone> Budget<K> {
    pub fn new(name: &'static str, quota: NonZeroU32, clock: &Clock) -> Self {
        let clock = Steady(clock.clone());
        let rows = Quota::per_minute(quota);
        Self {
            name,
            quota,
            policy: policy(name, quota.get().into(), WINDOW),
            limiter: RateLimiter::hashmap_with_clock_and_hasher(rows, clock.clone(), RandomState::new())
                .with_middleware(),
            clock,
            strangers: RandomState::new(),
            tidied: AtomicU64::new(0),
        }
    }

    pub fn draw(&self, key: K) -> Standing {
        let now = self.clock.now();
        match self.limiter.check_key(&self.row(key, now)) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                // Nothing left: one more with the next unit. Otherwise: when all of it is back.
                let missing = if remaining == 0 { 1 } else { self.quota.get().saturating_sub(remaining) };
                let wait = WINDOW * missing / self.quota.get();
                Standing { name: self.name, is_granted: true, remaining, wait }
            }
            Err(until) => {
                let wait = until.wait_time_from(now);
                Standing { name: self.name, is_granted: false, remaining: 0, wait }
            }
        }
    }

    /// An attacker with many networks makes strangers share budgets, and never takes more memory.
    fn row(&self, key: K, now: Duration) -> Key<K> {
        let is_crowded = self.limiter.len() >= MOST;
        self.tidy(if is_crowded { TIDY_SOON } else { TIDY }, now);
        if is_crowded && self.limiter.len() >= MOST {
            return Key::Shared(self.strangers.hash_one(&key) % SHARED);
        }
        Key::Own(key)
    }

    fn tidy(&self, period: Duration, now: Duration) {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let period = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        let last = self.tidied.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(last) >= period;
        if is_due && self.tidied.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

/// Time that never goes back, whatever is done to the machine's clock.
#[derive(Clone)]
struct Steady(Clock);

impl clock::Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.steady()
    }
}

/// What came of a draw.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    name: &'static str,
    is_granted: bool,
    remaining: u32,
    wait: Duration,
}

impl Standing {
    pub fn is_granted(&self) -> bool {
        self.is_granted
    }

    pub fn refusal(&self) -> Option<Problem> {
        (!self.is_granted).then(|| Problem::new(Code::RATE_LIMITED).retry_after(self.wait))
    }

    pub fn write(&self, policy: &HeaderValue, response: &mut Response) {
        let headers = response.headers_mut();
        headers.append(RATE_LIMIT_POLICY, policy.clone());
        headers.append(RATE_LIMIT, left(self.name, self.remaining, self.wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    #[test]
    fn a_budget_fills_evenly_and_says_when() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let budget = Budget::new("public", NonZeroU32::new(60).unwrap(), &clock);
        let draw = || {
            let Standing { is_granted, remaining, wait, .. } = budget.draw(1);
            (is_granted, remaining, wait.as_secs())
        };
        assert_eq!(draw(), (true, 59, 1));
        for _ in 0..58 {
            draw();
        }
        assert_eq!(draw(), (true, 0, 1));
        assert_eq!(draw(), (false, 0, 1));
        clock.advance(Duration::from_secs(1));
        assert_eq!(draw(), (true, 0, 1));
        clock.advance(Duration::from_secs(30));
        assert_eq!(draw(), (true, 29, 31));
        assert_eq!(budget.draw(2).remaining, 59, "another has a budget of their own");
    }

    #[test]
    fn an_attacker_with_many_networks_takes_no_more_than_so_much_memory() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let budget = Budget::new("public", NonZeroU32::new(60).unwrap(), &clock);
        for stranger in 0..4 * MOST {
            budget.draw(stranger);
        }
        assert!(budget.limiter.len() <= MOST + SHARED as usize, "{}", budget.limiter.len());
        // They share what there is for strangers: it does not last.
        assert!((0..SHARED as usize * 60).any(|n| !budget.draw(5 * MOST + n).is_granted));
        // What they leave behind is thrown away when it is of no use any more.
        clock.advance(Duration::from_secs(120));
        budget.draw(0);
        assert_eq!(budget.limiter.len(), 1);
    }
}
