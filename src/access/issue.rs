//! The gate through which every token leaves, and the refresh.

use std::time::Duration;

use super::Access;
use super::audit::Action;
use super::device::{self, DeviceId};
use super::origin::Origin;
use super::principal::{self, Principal};
use super::refresh::RefreshToken;
use super::sessions::{self, SessionRow};
use super::token::{self, Claims};
use crate::base::clock::Timestamp;
use crate::base::id::{SessionId, UserId};
use crate::base::keyring::NoKey;
use crate::db::{DbError, Tx};
use crate::telemetry::subject::called_by;

/// An access token and the refresh token for the next one.
pub struct Tokens {
    pub principal: Principal,
    pub access_token: String,
    pub expires_in: Duration,
    pub refresh_token: String,
    pub refresh_expires_in: Duration,
    pub device_token: String,
}

/// Why no token is issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The session is over, or its account may not be used.
    #[error("the session is over")]
    Over,
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// It had been used before, and its successor too, or too long ago: somebody has a copy.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    NoKey(#[from] NoKey),
    #[error("the token could not be written: {0}")]
    Encoding(#[from] serde_json::Error),
}

impl IssueError {
    /// In a word, for those who count; nothing where it is not about the token.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::InvalidRefreshToken | Self::Over => Some("refresh_token_invalid"),
            Self::RefreshTokenReused => Some("refresh_token_reused"),
            Self::Database(_) | Self::NoKey(_) | Self::Encoding(_) => None,
        }
    }
}

impl Access {
    /// Starts a session of `user`, always a new one, and issues its first tokens. A device that is known
    /// stays what it is.
    pub async fn sign_in(
        &self,
        tx: &mut Tx,
        user: UserId,
        device: Option<DeviceId>,
        origin: &Origin,
    ) -> Result<Tokens, IssueError> {
        let now = self.clock.now();
        let row = SessionRow {
            id: SessionId::fresh(&self.clock, &self.random),
            user_id: user,
            generation: 1,
            key_id: self.keys.refresh.newest()?,
            created_at: now,
            refreshed_at: now,
            last_used_at: now,
            idle_expires_at: now.plus(self.settings.refresh_idle_ttl),
            expires_at: now.plus(self.settings.refresh_absolute_ttl),
            ip: origin.ip.map(|ip| ip.to_string()),
            user_agent: origin.user_agent.clone(),
        };
        sessions::insert(tx, &row).await?;
        sessions::end_surplus(tx, user).await?;
        self.issue_tokens(tx, &row, device, now).await
    }

    /// Trades a refresh token for the next pair. What ends a session here is committed, too.
    pub async fn refresh(&self, presented: &str, origin: &Origin) -> Result<Tokens, IssueError> {
        let token = RefreshToken::decode(&self.keys.refresh, presented);
        let outcome = match token {
            Some(token) => self.answer(token, origin).await,
            None => Err(IssueError::InvalidRefreshToken),
        };
        self.count(&outcome);
        outcome
    }

    async fn answer(&self, token: RefreshToken, origin: &Origin) -> Result<Tokens, IssueError> {
        let begun = self.clock.now();
        let outcome = self.trade(token, origin).await;
        if matches!(outcome, Err(IssueError::Database(DbError::Unavailable(_)))) {
            self.unanswered.note(token.session, begun, self.clock.now(), self.settings.refresh_grace);
        }
        outcome
    }

    async fn trade(&self, token: RefreshToken, origin: &Origin) -> Result<Tokens, IssueError> {
        let mut tx = self.db.write().await?;
        let outcome = self.advance(&mut tx, token).await;
        match outcome {
            Err(IssueError::Over | IssueError::InvalidRefreshToken) => {
                sessions::end(&mut tx, token.session).await?;
                tx.commit().await?;
            }
            Err(IssueError::RefreshTokenReused) => {
                let owner = sessions::find(&mut tx, token.session).await?.map(|row| row.user_id);
                sessions::end(&mut tx, token.session).await?;
                self.audit.record(&mut tx, Action::RefreshTokenReused, None, owner, origin).await?;
                tx.commit().await?;
            }
            Ok(_) => tx.commit().await?,
            Err(_) => {}
        }
        outcome.map_err(|error| match error {
            IssueError::Over => IssueError::InvalidRefreshToken,
            error => error,
        })
    }

    fn count(&self, outcome: &Result<Tokens, IssueError>) {
        match outcome {
            Ok(_) => self.audit.meters.refreshed(),
            Err(error) => _ = error.reason().map(|reason| self.audit.meters.refused(reason)),
        }
    }

    async fn advance(&self, tx: &mut Tx, token: RefreshToken) -> Result<Tokens, IssueError> {
        let now = self.clock.now();
        let (key, idle) = (self.keys.refresh.newest()?, now.plus(self.settings.refresh_idle_ttl));
        let advanced = sessions::advance(tx, token.session, token.generation, key, now, idle).await?;
        let row = sessions::find(tx, token.session).await?.ok_or(IssueError::InvalidRefreshToken)?;
        let grace = self.settings.refresh_grace;
        // A lost answer or a second tab: the immediate parent gets the same successor again.
        let repeated = row.generation.checked_sub(1) == Some(token.generation)
            && !grace.is_zero()
            && (now.since(row.refreshed_at) <= grace
                || self.unanswered.excuses(row.id, row.refreshed_at, now, grace));
        match () {
            () if advanced || repeated => {
                called_by(row.user_id);
                self.issue_tokens(tx, &row, None, now).await
            }
            // Above the newest we ever made: a restored backup. The session cannot be trusted.
            () if token.generation >= row.generation => Err(IssueError::InvalidRefreshToken),
            () => Err(IssueError::RefreshTokenReused),
        }
    }

    /// Every token leaves here: status, session and roles are looked at again.
    async fn issue_tokens(
        &self,
        tx: &mut Tx,
        row: &SessionRow,
        device: Option<DeviceId>,
        now: Timestamp,
    ) -> Result<Tokens, IssueError> {
        let (principal, _) = principal::load(tx, row.id, now).await?.ok_or(IssueError::Over)?;
        let refresh = RefreshToken { session: row.id, generation: row.generation, key: row.key_id };
        Ok(Tokens {
            access_token: self.access_token(&principal, now)?,
            expires_in: self.settings.access_ttl,
            // The key of a successor that is given once more may have been revoked since.
            refresh_token: refresh
                .encode(&self.keys.refresh)
                .map_err(|NoKey| IssueError::InvalidRefreshToken)?,
            refresh_expires_in: row.idle_expires_at.min(row.expires_at).since(now),
            device_token: self.device_token(tx, row, device, now).await?,
            principal,
        })
    }

    /// Bound to the password as this transaction sees it: a session that a reset ends at this moment gets
    /// none for the new one. Without another, the device is that of the session, however often it is
    /// refreshed: a device has one budget of guesses.
    async fn device_token(
        &self,
        tx: &mut Tx,
        row: &SessionRow,
        device: Option<DeviceId>,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        let (stored,): (Option<String>,) =
            tx.query("SELECT password_hash FROM users WHERE id = $1").bind(row.user_id).fetch_one().await?;
        let device = device.unwrap_or(DeviceId(row.id.0));
        Ok(device::issue(&self.keys.device, row.user_id, device, &stored.unwrap_or_default(), now)?)
    }

    fn access_token(&self, principal: &Principal, now: Timestamp) -> Result<String, IssueError> {
        let claims = Claims {
            iss: self.issuer.to_string(),
            aud: self.issuer.to_string(),
            sub: principal.user,
            sid: principal.session,
            iat: now.seconds(),
            exp: now.plus(self.settings.access_ttl).seconds(),
            jti: crate::base::id::fresh(&self.clock, &self.random),
            roles: principal.grants.roles.iter().cloned().collect(),
        };
        Ok(self.keys.with_signing(|kid, key| token::sign(&claims, kid, key)).ok_or(NoKey)??)
    }
}
