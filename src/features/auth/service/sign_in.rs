//! Login and refresh.

use super::Auth;
use crate::access::audit::Action;
use crate::access::device::{self, DeviceId};
use crate::access::issue::Tokens;
use crate::access::origin::Origin;
use crate::access::password::{Claim, Standing};
use crate::access::principal::Status;
use crate::access::proof::Proof;
use crate::base::id::UserId;
use crate::base::secret::Password;
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{Login, TokenPair};
use crate::features::users;
use crate::features::users::model::{Account, PasswordHash};

impl Auth {
    /// Signs in: a new session, always.
    pub async fn login(&self, login: Login, origin: &Origin) -> Result<TokenPair, AuthError> {
        // Whoever signs in at the same moment may replace the hash by a better one of the same password:
        // only a check of the new one can tell that from another password.
        loop {
            if let Some(tokens) = self.attempt(&login, origin).await? {
                return self.pair(tokens).await;
            }
        }
    }

    /// `None` if the account was changed between the check and the session: nothing is decided then.
    async fn attempt(&self, login: &Login, origin: &Origin) -> Result<Option<Tokens>, AuthError> {
        let Login { email, password, device_token } = login;
        let account = users::store::find_by_email(&mut self.state.db.read().await?, email).await?;
        let device = account.as_ref().and_then(|account| self.known_device(account, device_token.as_deref()));
        let stored = account.as_ref().and_then(|account| account.password_hash.clone());
        let standing = device.map_or(Standing::Stranger, |(user, device)| Standing::Device(user, device));
        let claim = Claim {
            email,
            stored: stored.clone().map(|hash| hash.0),
            password: password.clone(),
            standing,
            subject: account.as_ref().map(|account| account.base.id),
        };
        let proof = self.state.passwords.check(claim, origin).await?;
        let (account, stored) = account.zip(stored).ok_or(AuthError::InvalidCredentials)?;
        let proof = self.admit(proof, account.status).await?;
        let known = device.map(|(_, device)| device);
        self.start_session(&account, (&stored, password), known, proof, origin).await
    }

    /// The session starts only if hash and status are still those that were checked.
    async fn start_session(
        &self,
        account: &Account,
        (stored, password): (&PasswordHash, &Password),
        device: Option<DeviceId>,
        proof: Proof,
        origin: &Origin,
    ) -> Result<Option<Tokens>, AuthError> {
        // An upgrade that finds the queue full waits for the next sign-in.
        let rehashed = match proof.outdated {
            true => self.state.passwords.rehash(password.clone()).await.ok().map(PasswordHash),
            false => None,
        };
        let mut tx = self.state.db.write().await?;
        let (id, now) = (account.base.id, self.state.clock.now());
        let unchanged = users::store::note_login(&mut tx, id, stored, rehashed.as_ref(), now).await?;
        // The account before its budget, as a reset does: neither waits for what the other holds.
        if !unchanged {
            proof.settle(tx).await?;
            return Ok(None);
        }
        let tokens = self.state.access.sign_in(&mut tx, id, device, origin).await?;
        self.record(&mut tx, Action::LoggedIn, Some(id), id, origin).await?;
        proof.settle(tx).await?;
        Ok(Some(tokens))
    }

    fn known_device(&self, account: &Account, token: Option<&str>) -> Option<(UserId, DeviceId)> {
        let (id, stored) = (account.base.id, account.password_hash.as_ref()?);
        let (ring, now) = (&self.state.access.keys().device, self.state.clock.now());
        Some((id, device::read(ring, id, &stored.0, token?, now)?))
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
        self.pair(tokens).await
    }

    /// Tokens as the client gets them: with the account, and a proof for this device's next sign-in.
    async fn pair(&self, tokens: Tokens) -> Result<TokenPair, AuthError> {
        let user = tokens.principal.user;
        Ok(TokenPair {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in.as_secs(),
            refresh_token: tokens.refresh_token,
            refresh_expires_in: tokens.refresh_expires_in.as_secs(),
            device_token: tokens.device_token,
            user: self.users.get(user).await?.into(),
        })
    }
}
