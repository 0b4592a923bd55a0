//! What is remembered about callers: tokens that were checked, and who is behind a session.
//!
//! What is remembered is true because a change forgets it (see [`follow`](super::follow)); a look-up
//! that was under way meanwhile is used once and not remembered.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::principal::Principal;
use super::token::Claims;
use crate::base::clock::Timestamp;
use crate::base::id::SessionId;
use crate::db::Change;

/// How many tokens and sessions are remembered; about 10 MB when full.
const CAPACITY: usize = 10_000;
/// The longest that a principal is remembered, should a change ever go unheard.
const LIFE: Duration = Duration::from_secs(60);

/// The memory of one replica.
pub struct Memory {
    tokens: Cache<[u8; 32], Claims>,
    principals: Cache<SessionId, Remembered>,
    /// Counts the changes; held while something is remembered or forgotten.
    epoch: Mutex<u64>,
}

#[derive(Clone)]
struct Remembered {
    principal: Principal,
    until: Timestamp,
}

/// When a look-up began.
#[derive(Clone, Copy)]
pub struct Begun(u64);

impl Default for Memory {
    fn default() -> Self {
        Self { tokens: Cache::new(CAPACITY), principals: Cache::new(CAPACITY), epoch: Mutex::default() }
    }
}

impl Memory {
    /// The claims of a token whose signature, issuer and audience were checked before; whether it has
    /// expired is for the caller to see. The key is a hash of all of it: no other text will do.
    pub fn claims(&self, token: &str) -> Option<Claims> {
        self.tokens.get(&digest(token))
    }

    pub fn remember_claims(&self, token: &str, claims: Claims, begun: Begun) {
        self.unless_changed(begun, || self.tokens.insert(digest(token), claims));
    }

    pub fn principal(&self, session: SessionId, now: Timestamp) -> Option<Principal> {
        let found = self.principals.get(&session).filter(|found| now < found.until);
        found.map(|found| found.principal)
    }

    /// Notes when a look-up begins, before it asks the database.
    pub fn begin(&self) -> Begun {
        Begun(*self.epoch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers who is behind a session that lasts until `expires_at`.
    pub fn remember(&self, principal: Principal, now: Timestamp, expires_at: Timestamp, begun: Begun) {
        let until = now.plus(LIFE).min(expires_at);
        self.unless_changed(begun, || {
            self.principals.insert(principal.session, Remembered { principal, until });
        });
    }

    fn unless_changed(&self, begun: Begun, remember: impl FnOnce()) {
        let epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        if *epoch == begun.0 {
            remember();
        }
    }

    /// Forgets what a change may have made untrue.
    pub fn forget(&self, changes: &[Change]) {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        *epoch += 1;
        for change in changes {
            match *change {
                Change::Session(id) => drop(self.principals.remove(&id)),
                Change::User(id) => self.principals.retain(|_, held| held.principal.user != id),
                Change::Keys => self.tokens.clear(),
                Change::Everything => {
                    self.tokens.clear();
                    self.principals.clear();
                }
            }
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::principal::Grants;
    use crate::base::id::UserId;

    fn principal(user: u128, session: u128) -> Principal {
        let (user, session) = (UserId(Uuid::from_u128(user)), SessionId(Uuid::from_u128(session)));
        Principal { user, session, grants: Grants::default() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    /// A memory of two sessions of user 1 and one of user 2, which last a day.
    fn filled() -> Memory {
        let memory = Memory::default();
        for (user, session) in [(1, 11), (1, 12), (2, 21)] {
            memory.remember(principal(user, session), at(0), at(86_400), memory.begin());
        }
        memory
    }

    fn held(memory: &Memory, seconds: i64) -> Vec<u128> {
        let known =
            |session: &u128| memory.principal(SessionId(Uuid::from_u128(*session)), at(seconds)).is_some();
        [11, 12, 21].into_iter().filter(known).collect()
    }

    #[test]
    fn a_change_forgets_what_it_is_about_and_nothing_else() {
        let session = Change::Session(SessionId(Uuid::from_u128(11)));
        let user = Change::User(UserId(Uuid::from_u128(1)));
        for (change, left) in [
            (session, vec![12, 21]),
            (user, vec![21]),
            (Change::Keys, vec![11, 12, 21]),
            (Change::Everything, vec![]),
        ] {
            let memory = filled();
            memory.forget(&[change]);
            assert_eq!(held(&memory, 1), left, "{change:?}");
        }
    }

    #[test]
    fn a_principal_is_remembered_for_a_minute_and_never_longer_than_its_session() {
        let memory = filled();
        memory.remember(principal(1, 11), at(0), at(30), memory.begin());
        assert_eq!((held(&memory, 29), held(&memory, 30)), (vec![11, 12, 21], vec![12, 21]));
        assert_eq!((held(&memory, 59), held(&memory, 60)), (vec![12, 21], vec![]));
    }

    #[test]
    fn what_was_looked_up_while_something_changed_is_not_remembered() {
        let memory = filled();
        let begun = memory.begin();
        memory.forget(&[Change::Session(SessionId(Uuid::from_u128(11)))]);
        memory.remember(principal(1, 11), at(0), at(86_400), begun);
        assert_eq!(held(&memory, 1), [12, 21]);
    }

    #[test]
    fn a_token_is_known_by_every_character_of_it_and_forgotten_with_the_keys() {
        let memory = Memory::default();
        let id = Uuid::from_u128(1);
        let claims = Claims {
            iss: String::new(),
            aud: String::new(),
            sub: UserId(id),
            sid: SessionId(id),
            iat: 0,
            exp: 600,
            jti: id,
            roles: Vec::new(),
        };
        memory.remember_claims("a.b.c", claims.clone(), memory.begin());
        assert_eq!(memory.claims("a.b.c"), Some(claims));
        assert_eq!(memory.claims("a.b.d"), None);
        memory.forget(&[Change::Keys]);
        assert_eq!(memory.claims("a.b.c"), None);
    }
}
