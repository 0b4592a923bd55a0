//! The use cases of signing in, by subject. Slow work comes before the transaction; mail is queued
//! inside it.

mod emails;
mod passwords;
mod registration;
mod sessions;
mod sign_in;

use axum::extract::FromRef;

use super::error::AuthError;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::password::Claim;
use crate::base::id::UserId;
use crate::base::secret::Password;
use crate::db::{DbError, Tx};
use crate::features::users::model::Account;
use crate::features::users::service::Users;
use crate::mail::token::Purpose;
use crate::mail::{Letter, Mail};
use crate::state::AppState;

/// The service of signing in.
#[derive(Clone)]
pub struct Auth {
    state: AppState,
    users: Users,
}

impl FromRef<AppState> for Auth {
    fn from_ref(state: &AppState) -> Self {
        Self { state: state.clone(), users: Users::from_ref(state) }
    }
}

impl Auth {
    /// Asks a known account for its password once more. A right one costs no attempt, whatever comes of
    /// the act.
    async fn check(&self, account: &Account, password: Password, origin: &Origin) -> Result<(), AuthError> {
        let stored = account.password_hash.clone().map(|hash| hash.0);
        let subject = Some(account.base.id);
        let claim = Claim { email: &account.email, stored, password, device: None, subject };
        let proof = self.state.passwords.check(claim, origin).await?;
        Ok(self.state.passwords.settle(proof).await?)
    }

    /// A letter to the account's own address.
    async fn send(
        &self,
        tx: &mut Tx,
        account: &Account,
        letter: Letter,
        life: Purpose,
    ) -> Result<(), AuthError> {
        let mail = Mail { to: account.email.clone(), language: account.locale.unwrap_or_default(), letter };
        Ok(self.state.outbox.queue(tx, &mail, life.life()).await?)
    }

    async fn record(
        &self,
        tx: &mut Tx,
        action: Action,
        actor: Option<UserId>,
        subject: UserId,
        origin: &Origin,
    ) -> Result<(), DbError> {
        self.state.audit.record(tx, action, actor, Some(subject), origin).await
    }
}
