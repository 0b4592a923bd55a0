//! Logout, and one's sessions.

use super::Auth;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::principal::Principal;
use crate::access::sessions::{self, SessionRow};
use crate::base::id::{SessionId, UserId};
use crate::features::auth::error::AuthError;

impl Auth {
    /// Ends the caller's session.
    pub async fn logout(&self, caller: &Principal, origin: &Origin) -> Result<(), AuthError> {
        match self.end(caller, caller.session, Action::LoggedOut, origin).await {
            // A second request of the same client was quicker: what was asked for is so.
            Err(AuthError::NoSuchSession) => Ok(()),
            outcome => outcome,
        }
    }

    /// A user's sessions, newest first.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<SessionRow>, AuthError> {
        let now = self.state.clock.now();
        Ok(sessions::of_user(&mut self.state.db.read().await?, user, now).await?)
    }

    /// Ends one of the caller's sessions; another user's is not there.
    pub async fn end_session(
        &self,
        caller: &Principal,
        id: SessionId,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        self.end(caller, id, Action::SessionEnded, origin).await
    }

    async fn end(
        &self,
        caller: &Principal,
        id: SessionId,
        action: Action,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        if !sessions::end_own(&mut tx, caller.user, id).await? {
            return Err(AuthError::NoSuchSession);
        }
        self.record(&mut tx, action, Some(caller.user), caller.user, origin).await?;
        Ok(tx.commit().await?)
    }

    /// Ends all sessions of the caller but the one of this request.
    pub async fn end_other_sessions(&self, caller: &Principal, origin: &Origin) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        if sessions::end_others(&mut tx, caller.user, caller.session).await? > 0 {
            self.record(&mut tx, Action::SessionEnded, Some(caller.user), caller.user, origin).await?;
        }
        Ok(tx.commit().await?)
    }
}
