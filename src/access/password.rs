//! The one function that checks a password. It owns the throttle, the place in the hash queue and the
//! dummy hash, so that no route can forget one of them.

use std::time::Duration;

use super::audit::{Action, Audit};
use super::device::DeviceId;
use super::hasher::{HashError, Hasher, Place};
use super::origin::Origin;
use super::proof::{Owed, Proof};
use super::strength::{Measure, Weakness};
use super::throttle::{self, Limits, Reservation, Unit};
use crate::base::clock::Clock;
use crate::base::email::Email;
use crate::base::id::{SessionId, UserId};
use crate::base::keyring::{Keyring, NoKey, Tag};
use crate::base::secret::Password;
use crate::db::{Db, DbError, Tx};
use crate::mail::Purpose;
use crate::telemetry::subject::called_by;

/// How long a guess waits for others that are still being checked.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(40);
/// What a caller is told to wait when the hash queue is full.
pub const QUEUE_RETRY: Duration = Duration::from_secs(1);

/// Why a password was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is wrong")]
    Wrong,
    /// That of a caller who is signed in, and was asked for it once more.
    #[error("the current password is wrong")]
    WrongCurrent,
    #[error("too many wrong passwords")]
    TooManyAttempts { retry_after: Duration },
    #[error("no hash could be made: {0}")]
    Busy(#[from] HashError),
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
}

/// Why a new password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    #[error("the new password is too weak")]
    Weak(Weakness),
    #[error("no hash could be made: {0}")]
    Busy(#[from] HashError),
}

/// From where a password is claimed: what strangers guess must not keep an owner out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All who show nothing else draw on one budget of the account.
    Stranger,
    /// A device that the owner signed in from before has a budget of its own.
    Device(UserId, DeviceId),
    /// And so has a session, whose owner is asked for the password once more.
    Session(SessionId),
}

impl Standing {
    /// Whose budget of guesses it draws on.
    fn budget(self) -> &'static str {
        match self {
            Self::Stranger => "account",
            Self::Device(..) => "device",
            Self::Session(_) => "session",
        }
    }
}

/// Whose password is claimed, and from where.
pub struct Claim<'a> {
    /// The address that was given, known or not: unknown ones are throttled alike.
    pub email: &'a Email,
    /// The stored hash; `None` for an unknown address or an account without a password.
    pub stored: Option<String>,
    pub password: Password,
    pub standing: Standing,
    /// Whose account it is, if it is one: for the audit log.
    pub subject: Option<UserId>,
}

struct Budgets {
    charged: Tag,
    account: Tag,
}

/// Checks and makes password hashes. Clones share the threads.
#[derive(Clone)]
pub struct Passwords {
    db: Db,
    clock: Clock,
    hasher: Hasher,
    lookup: Keyring,
    audit: Audit,
}

impl Passwords {
    pub fn new(db: Db, clock: Clock, hasher: Hasher, lookup: Keyring, audit: Audit) -> Self {
        Self { db, clock, hasher, lookup, audit }
    }

    /// The hash of a password that is in use already, in PHC form, with today's settings.
    pub async fn rehash(&self, password: Password) -> Result<String, NewPasswordError> {
        let hash = self.hasher.hash(self.hasher.admit()?, password, None).await?;
        hash.map_err(NewPasswordError::Weak)
    }

    /// The hash of a new password, in PHC form, if it is good enough: one place in the queue for both.
    pub async fn hash(&self, password: Password, measure: Measure) -> Result<String, NewPasswordError> {
        measure.length(&password).map_err(NewPasswordError::Weak)?;
        let hash = self.hasher.hash(self.hasher.admit()?, password, Some(measure)).await?;
        hash.map_err(NewPasswordError::Weak)
    }

    /// Whether a new password is good enough.
    pub async fn measure(&self, password: Password, measure: Measure) -> Result<(), NewPasswordError> {
        measure.length(&password).map_err(NewPasswordError::Weak)?;
        let found = self.hasher.measure(self.hasher.admit()?, password, measure).await?;
        found.map_err(NewPasswordError::Weak)
    }

    /// The threads and their queue.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// How many hashes were computed so far, to compare or to make one.
    pub fn computed(&self) -> u64 {
        self.hasher.computed()
    }

    /// Checks a password: one unit of the budget, one hash, whoever is asked for.
    pub async fn check(&self, claim: Claim<'_>, origin: &Origin) -> Result<Proof, PasswordError> {
        let (outcome, meters) = (self.compare(claim, origin).await, &self.audit.meters);
        if matches!(outcome, Err(PasswordError::Wrong | PasswordError::WrongCurrent)) {
            meters.refused("password_wrong");
        }
        outcome
    }

    async fn compare(&self, claim: Claim<'_>, origin: &Origin) -> Result<Proof, PasswordError> {
        let (budgets, subject, standing) = (self.budgets(&claim)?, claim.subject, claim.standing);
        let (place, unit) = self.admit(&budgets.charged, standing).await?;
        let verdict = self.hasher.verify(place, claim.password, claim.stored).await?;
        if verdict.matches {
            // Whoever signs in is known from here on.
            _ = subject.map(called_by);
            let Budgets { charged, account } = budgets;
            let owed = Owed { db: self.db.clone(), clock: self.clock.clone(), charged, account, unit };
            return Ok(Proof::new(owed, verdict.outdated));
        }
        let mut tx = self.db.write().await?;
        throttle::confirm(&mut tx, &budgets.charged).await?;
        self.audit.record(&mut tx, Action::LoginFailed, None, subject, origin).await?;
        tx.commit().await?;
        Err(match standing {
            Standing::Session(_) => PasswordError::WrongCurrent,
            Standing::Stranger | Standing::Device(..) => PasswordError::Wrong,
        })
    }

    /// Gives the unit back at once: for acts that may still be refused for another reason than the
    /// password, and must not cost an attempt then.
    pub async fn settle(&self, proof: Proof) -> Result<(), DbError> {
        proof.settle(self.db.write().await?).await
    }

    /// The owner proved to be who they are by another way than the password (a mailed link):
    /// strangers' wrong guesses no longer keep the account's budget closed, or use it up.
    pub async fn vouch(&self, tx: &mut Tx, email: &Email) -> Result<(), PasswordError> {
        Ok(throttle::reopen(tx, &self.account_key(email)?).await?)
    }

    /// Whether one more mail for `purpose` may be sent to `email` because somebody asked for it. Each has
    /// a budget of its own, which is full again before the last link that it paid for has expired: nobody
    /// keeps an owner from a reset by asking for something else. Asked before anything else is locked:
    /// until the end of `tx` all others who ask for the same wait.
    pub async fn may_mail(
        &self,
        tx: &mut Tx,
        email: &Email,
        purpose: Purpose,
    ) -> Result<bool, PasswordError> {
        let limits = Limits { window: purpose.life().min(throttle::MAILS.window), ..throttle::MAILS };
        let key = self.key(&[b"mail", purpose.name().as_bytes(), email.as_str().as_bytes()])?;
        self.take(tx, &key, limits, "mail").await
    }

    /// Whether one more notice may be sent to `email` of what was done with the account's password. A
    /// budget of its own, or whoever has that password could use up the other first, and act unnoticed.
    pub async fn may_notify(&self, tx: &mut Tx, email: &Email) -> Result<bool, PasswordError> {
        let key = self.key(&[b"notice", email.as_str().as_bytes()])?;
        self.take(tx, &key, throttle::MAILS, "notice").await
    }

    async fn take(
        &self,
        tx: &mut Tx,
        key: &Tag,
        limits: Limits,
        name: &'static str,
    ) -> Result<bool, PasswordError> {
        let is_taken = throttle::take(tx, key, limits, self.clock.now()).await?;
        if !is_taken {
            self.audit.meters.throttled(name);
        }
        Ok(is_taken)
    }

    /// Forgets the budgets of an address that has no account any more.
    pub async fn forget(&self, tx: &mut Tx, email: &Email) -> Result<(), PasswordError> {
        let address = email.as_str().as_bytes();
        let mails = Purpose::ALL.map(|purpose| self.key(&[b"mail", purpose.name().as_bytes(), address]));
        for key in mails.into_iter().chain([self.account_key(email), self.key(&[b"notice", address])]) {
            throttle::forget(tx, &key?).await?;
        }
        Ok(())
    }

    /// A place in the hash queue and a unit of the budget; the place first, so that a flood is turned
    /// away before it costs a write.
    async fn admit(&self, budget: &Tag, standing: Standing) -> Result<(Place, Unit), PasswordError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let place = self.hasher.admit()?;
            let mut tx = self.db.write().await?;
            let reservation = throttle::reserve(&mut tx, budget, throttle::GUESSES, self.clock.now()).await?;
            tx.commit().await?;
            match reservation {
                Reservation::Granted(unit) => return Ok((place, unit)),
                Reservation::Undecided if tokio::time::Instant::now() < deadline => drop(place),
                Reservation::Undecided => {
                    self.audit.meters.throttled(standing.budget());
                    return Err(PasswordError::TooManyAttempts { retry_after: PATIENCE });
                }
                Reservation::Refused { retry_after } => {
                    self.audit.meters.throttled(standing.budget());
                    return Err(PasswordError::TooManyAttempts { retry_after });
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn budgets(&self, claim: &Claim<'_>) -> Result<Budgets, NoKey> {
        let account = self.account_key(claim.email)?;
        let charged = match claim.standing {
            Standing::Stranger => account,
            Standing::Device(user, device) => {
                self.key(&[b"device", user.0.as_bytes(), device.0.as_bytes()])?
            }
            Standing::Session(session) => self.key(&[b"session", session.0.as_bytes()])?,
        };
        Ok(Budgets { charged, account })
    }

    fn account_key(&self, email: &Email) -> Result<Tag, NoKey> {
        self.key(&[b"account", email.as_str().as_bytes()])
    }

    /// Rows do not hold addresses, only their tags under a key of ours.
    fn key(&self, parts: &[&[u8]]) -> Result<Tag, NoKey> {
        self.lookup.tag(self.lookup.newest()?, &parts.join(&0))
    }
}
