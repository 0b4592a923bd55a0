//! Floor 7: who calls, and what they may do.
//!
//! It lies below the features and knows none of them: the extractors take [`Access`] by `FromRef`.

pub mod audit;
pub mod caller;
pub mod device;
pub mod hasher;
pub mod issue;
pub mod keys;
pub mod origin;
pub mod password;
pub mod permission;
pub mod principal;
pub mod refresh;
pub mod sessions;
mod signed;
pub mod strength;
pub mod throttle;
pub mod token;

use std::sync::Arc;

use self::audit::Audit;
use self::keys::Keys;
use self::principal::Principal;
use self::token::InvalidToken;
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::config::Auth;
use crate::db::{Db, DbError};

/// Handle to all that identifies a caller. Clones share it.
#[derive(Clone)]
pub struct Access {
    db: Db,
    clock: Clock,
    random: Random,
    keys: Keys,
    audit: Audit,
    settings: Arc<Auth>,
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
    #[error(transparent)]
    Database(#[from] DbError),
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
        Self { db, clock, random, keys, audit, settings, issuer: public_url.trim_end_matches('/').into() }
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The principal of an access token: signature and claims first, then session, status and roles
    /// as they are now.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, AccessError> {
        let now = self.clock.now();
        let claims = token::verify(token, &self.issuer, now, |kid| self.keys.verifying(kid))?;
        let mut db = self.db.read().await?;
        let principal = principal::load(&mut db, claims.sid, now).await?;
        principal.filter(|p| p.user == claims.sub).ok_or(AccessError::Over)
    }
}
