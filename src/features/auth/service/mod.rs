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
use crate::access::password::{Claim, Standing};
use crate::base::id::UserId;
use crate::base::secret::Password;
use crate::db::{DbError, Tx};
use crate::features::users;
use crate::features::users::model::Account;
use crate::features::users::service::Users;
use crate::mail::{Letter, Mail, Purpose, token};
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
    async fn check(
        &self,
        account: &Account,
        password: Password,
        standing: Standing,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let stored = account.password_hash.clone().map(|hash| hash.0);
        let subject = Some(account.base.id);
        let claim = Claim { email: &account.email, stored, password, standing, subject };
        let proof = self.state.passwords.check(claim, origin).await?;
        Ok(self.state.passwords.settle(proof).await?)
    }

    /// A letter to the account's own address.
    async fn send(&self, tx: &mut Tx, account: &Account, letter: Letter) -> Result<(), AuthError> {
        let mail = Mail { to: account.email.clone(), language: account.locale.unwrap_or_default(), letter };
        Ok(self.state.outbox.queue(tx, account.base.id, &mail).await?)
    }

    /// The account of a caller whose password was right, locked: as it is now, if it still has the
    /// password that was checked and may be used.
    async fn settled(&self, tx: &mut Tx, checked: &Account) -> Result<Account, AuthError> {
        users::store::lock(tx, checked.base.id).await?;
        let now = users::store::find(tx, checked.base.id).await?.map(|person| person.account);
        let same = |now: &Account| {
            now.password_hash == checked.password_hash && now.current_status() == checked.current_status()
        };
        now.filter(same).ok_or(AuthError::Database(DbError::Stale))
    }

    /// The work of a statement on a mailed token, where there is none to be made.
    async fn no_token(&self, tx: &mut Tx) -> Result<(), DbError> {
        let nobody = UserId::fresh(&self.state.clock, &self.state.random);
        token::void(tx, nobody, Purpose::VerifyEmail).await
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
