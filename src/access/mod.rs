//! Floor 7: who calls, and what they may do.
//!
//! It lies below the features and knows none of them: the extractors take [`Access`] by `FromRef`.

pub mod audit;
mod cache;
pub mod caller;
pub mod device;
pub mod follow;
mod freshness;
pub mod hasher;
pub mod issue;
pub mod keys;
mod meters;
pub mod origin;
pub mod password;
pub mod permission;
pub mod phc;
pub mod principal;
pub mod proof;
pub mod refresh;
pub mod sessions;
mod signed;
mod stopwatch;
pub mod strength;
pub mod throttle;
pub mod token;
mod unanswered;

use std::sync::Arc;

use opentelemetry::metrics::Meter;

use self::audit::Audit;
use self::cache::{Begun, Memory};
use self::freshness::Freshness;
use self::keys::Keys;
use self::principal::{Actor, Principal};
use self::token::{Claims, InvalidToken};
use self::unanswered::Unanswered;
use crate::base::clock::{Clock, Timestamp};
use crate::base::id::SessionId;
use crate::base::random::Random;
use crate::config::Auth;
use crate::db::{Db, DbError, Tx};

/// Handle to all that identifies a caller. Clones share it.
#[derive(Clone)]
pub struct Access {
    db: Db,
    clock: Clock,
    random: Random,
    keys: Keys,
    audit: Audit,
    settings: Arc<Auth>,
    memory: Arc<Memory>,
    freshness: Arc<Freshness>,
    unanswered: Arc<Unanswered>,
    /// Who issues the tokens and whom they are for: the public URL, without a slash at its end.
    issuer: Arc<str>,
}

/// Why a caller is not believed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the access token is not valid: {0}")]
    Token(#[from] InvalidToken),
    #[error("the session is over")]
    Over,
    #[error("the caller may do less by now than when they were let in")]
    Less,
    /// Too long without a look at what changed: nobody is believed.
    #[error("the database has not been heard from")]
    Unheard,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl AccessError {
    /// In a word, for those who count; nothing where it is not about the caller.
    fn reason(&self) -> Option<&'static str> {
        Some(match self {
            Self::Token(InvalidToken::Malformed) => "malformed",
            Self::Token(InvalidToken::UnknownKey) => "unknown_key",
            Self::Token(InvalidToken::Signature) => "signature",
            Self::Token(InvalidToken::Audience) => "audience",
            Self::Token(InvalidToken::Expired) => "expired",
            Self::Over => "session_over",
            Self::Less => "permission_lost",
            Self::Unheard => "feed_unheard",
            Self::Database(_) => return None,
        })
    }
}

impl Access {
    pub fn new(
        db: Db,
        clock: Clock,
        random: Random,
        keys: Keys,
        audit: Audit,
        settings: Arc<Auth>,
        public_url: &str,
    ) -> Self {
        let memory = Arc::new(Memory::default());
        let forgetting = memory.clone();
        db.feed().listen(move |changes| forgetting.forget(changes));
        let issuer = public_url.trim_end_matches('/').into();
        let (freshness, unanswered) = Default::default();
        Self { db, clock, random, keys, audit, settings, memory, freshness, unanswered, issuer }
    }

    /// Measures from now on.
    pub fn measure(&self, meter: &Meter) {
        self.audit.measure(meter);
        let freshness = self.freshness.clone();
        meter
            .f64_observable_gauge("feed.lag")
            .with_unit("s")
            .with_description("Time since the last look at the feed began; beyond 5 s no caller is believed")
            .with_callback(move |to| to.observe(freshness.age().as_secs_f64(), &[]))
            .build();
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether callers are believed: this replica has heard lately what changed.
    pub fn is_fresh(&self) -> bool {
        self.freshness.is_fresh()
    }

    /// The principal of an access token: signature and claims first, then session, status and roles
    /// as they are now. What is remembered needs no database: [`follow`] keeps it true.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, AccessError> {
        let outcome = self.believe(token).await;
        if let Some(reason) = outcome.as_ref().err().and_then(AccessError::reason) {
            self.audit.meters.refused(reason);
        }
        outcome
    }

    async fn believe(&self, token: &str) -> Result<Principal, AccessError> {
        let now = self.clock.now();
        let begun = self.memory.begin();
        let claims = match self.memory.claims(token) {
            Some(claims) => claims.in_time(now)?,
            None => self.verify(token, now, begun)?,
        };
        self.behind(claims.sid, now, begun).await?.filter(|p| p.user == claims.sub).ok_or(AccessError::Over)
    }

    /// Whether whoever was let in is signed in still, for an answer that takes its time. Their access token
    /// may have expired meanwhile.
    pub async fn is_still(&self, session: SessionId) -> Result<(), AccessError> {
        let found = self.behind(session, self.clock.now(), self.memory.begin()).await?;
        found.map(drop).ok_or(AccessError::Over)
    }

    /// Looks at whoever acts once more, inside the transaction in which they do and behind its locks: what
    /// others ended or took away while the request was under way holds for it, too.
    pub async fn confirm(&self, tx: &mut Tx, actor: Actor<'_>) -> Result<(), AccessError> {
        let Some(principal) = actor.principal else { return Ok(()) };
        match principal::load(tx, principal.session, self.clock.now()).await? {
            None => Err(AccessError::Over),
            Some((now, _)) if !now.grants.cover(&principal.grants) => Err(AccessError::Less),
            Some(_) => Ok(()),
        }
    }

    fn verify(&self, token: &str, now: Timestamp, begun: Begun) -> Result<Claims, InvalidToken> {
        let claims = token::verify(token, &self.issuer, now, |kid| self.keys.verifying(kid))?;
        self.memory.remember_claims(token, claims.clone(), begun);
        Ok(claims)
    }

    async fn behind(
        &self,
        session: SessionId,
        now: Timestamp,
        begun: Begun,
    ) -> Result<Option<Principal>, AccessError> {
        if !self.is_fresh() {
            return Err(AccessError::Unheard);
        }
        if let Some(principal) = self.memory.principal(session, now) {
            return Ok(Some(principal));
        }
        let mut db = self.db.read().await?;
        let Some((principal, expires_at)) = principal::load(&mut db, session, now).await? else {
            return Ok(None);
        };
        self.memory.remember(principal.clone(), now, expires_at, begun);
        Ok(Some(principal))
    }
}
