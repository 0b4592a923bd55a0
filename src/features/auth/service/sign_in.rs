//! Login and refresh.

use super::Auth;
use crate::access::audit::Action;
use crate::access::device::{self, DeviceId};
use crate::access::issue::Tokens;
use crate::access::origin::Origin;
use crate::access::password::{Claim, Proof};
use crate::access::principal::Status;
use crate::base::id::UserId;
use crate::base::secret::Password;
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{Login, TokenPair};
use crate::features::users;
use crate::features::users::model::{Account, PasswordHash};

impl Auth {
    /// Signs in: a new session, always.
    pub async fn login(&self, login: Login, origin: &Origin) -> Result<TokenPair, AuthError> {
        let Login { email, password, device_token } = login;
        let account = users::store::find_by_email(&mut self.state.db.read().await?, &email).await?;
        let device = account.as_ref().and_then(|account| self.known_device(account, device_token.as_deref()));
        let stored = account.as_ref().and_then(|account| account.password_hash.clone());
        let claim = Claim {
            email: &email,
            stored: stored.clone().map(|hash| hash.0),
            password: password.clone(),
            device,
            subject: account.as_ref().map(|account| account.base.id),
        };
        let proof = self.state.passwords.check(claim, origin).await?;
        let (account, stored) = account.zip(stored).ok_or(AuthError::InvalidCredentials)?;
        let proof = self.admit(proof, account.status).await?;
        let tokens = self.start_session(&account, &stored, password, proof, origin).await?;
        self.pair(tokens, device.map(|(_, device)| device)).await
    }

    /// The session starts only if hash and status are still those that were checked.
    async fn start_session(
        &self,
        account: &Account,
        stored: &PasswordHash,
        password: Password,
        proof: Proof,
        origin: &Origin,
    ) -> Result<Tokens, AuthError> {
        // An upgrade that finds the queue full waits for the next sign-in.
        let rehashed = match proof.outdated {
            true => self.state.passwords.hash(password).await.ok().map(PasswordHash),
            false => None,
        };
        let mut tx = self.state.db.write().await?;
        let (id, now) = (account.base.id, self.state.clock.now());
        // The account before its budget, as a reset does: neither waits for what the other holds.
        if !users::store::note_login(&mut tx, id, stored, rehashed.as_ref(), now).await? {
            return Err(AuthError::InvalidCredentials);
        }
        proof.settle(&mut tx).await?;
        let tokens = self.state.access.sign_in(&mut tx, id, origin).await?;
        self.record(&mut tx, Action::LoggedIn, Some(id), id, origin).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    fn known_device(&self, account: &Account, token: Option<&str>) -> Option<(UserId, DeviceId)> {
        let id = account.base.id;
        Some((id, device::read(&self.state.access.keys().device, id, token?)?))
    }

    /// Refuses an account that may not be used; its password was right, so the attempt costs nothing.
    async fn admit(&self, proof: Proof, status: Status) -> Result<Proof, AuthError> {
        let refusal = match status {
            Status::Active => return Ok(proof),
            Status::Pending => AuthError::EmailNotVerified,
            Status::Suspended => AuthError::AccountSuspended,
            Status::Deleted => AuthError::InvalidCredentials,
        };
        self.state.passwords.settle(proof).await?;
        Err(refusal)
    }

    /// Trades a refresh token for the next pair.
    pub async fn refresh(&self, refresh_token: &str, origin: &Origin) -> Result<TokenPair, AuthError> {
        let tokens = self.state.access.refresh(refresh_token, origin).await?;
        self.pair(tokens, None).await
    }

    /// Tokens as the client gets them: with the account, and a proof for this device's next sign-in.
    async fn pair(&self, tokens: Tokens, device: Option<DeviceId>) -> Result<TokenPair, AuthError> {
        let user = tokens.principal.user;
        Ok(TokenPair {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in.as_secs(),
            refresh_token: tokens.refresh_token,
            refresh_expires_in: tokens.refresh_expires_in.as_secs(),
            // One for each session, however often it is refreshed: a device has one budget of guesses.
            device_token: self
                .device_token(user, Some(device.unwrap_or(DeviceId(tokens.principal.session.0))))?,
            user: self.users.get(user).await?.into(),
        })
    }

    /// The token of a device that is known, or of one that is from now on.
    pub(super) fn device_token(&self, user: UserId, device: Option<DeviceId>) -> Result<String, AuthError> {
        let device = device.unwrap_or_else(|| DeviceId::fresh(&self.state.clock, &self.state.random));
        Ok(device::issue(&self.state.access.keys().device, user, device)?)
    }
}
