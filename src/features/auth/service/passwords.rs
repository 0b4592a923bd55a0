//! Passwords: change, forgotten, reset.

use super::Auth;
use crate::access::audit::Action;
use crate::access::device::{self, DeviceId};
use crate::access::origin::Origin;
use crate::access::password::Standing;
use crate::access::principal::{Actor, Principal, Status};
use crate::access::sessions;
use crate::base::email::Email;
use crate::db::{DbError, Tx};
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{PasswordChange, PasswordReset};
use crate::features::users;
use crate::features::users::model::{Account, PasswordHash};
use crate::mail::token::{self, MailToken};
use crate::mail::{Letter, Purpose};

/// Where the new password is in the body.
const POINTER: &str = "/new_password";

impl Auth {
    /// Changes the caller's password; all their other sessions end.
    pub async fn change_password(
        &self,
        caller: &Principal,
        given: PasswordChange,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let account = self.users.get(caller.user).await?.account;
        self.users.check_new(given.new_password.clone(), &account.email, POINTER).await?;
        self.check(&account, given.current_password, Standing::Session(caller.session), origin).await?;
        let hash = self.users.hash_new(given.new_password, &account.email, POINTER).await?;
        let mut tx = self.state.db.write().await?;
        let noticed = self.state.passwords.may_notify(&mut tx, &account.email).await?;
        // Stale if a reset or a suspension came between: then the password that was checked is history.
        let mut account = self.settled(&mut tx, &account).await?;
        self.state.access.confirm(&mut tx, Actor { principal: Some(caller), origin }).await?;
        account.password_hash = Some(hash);
        users::store::save(&mut tx, &mut account, self.state.clock.now()).await?;
        sessions::end_others(&mut tx, caller.user, caller.session).await?;
        // Nor does what was begun with the old password go on: a link that resets, an address to come.
        for purpose in [Purpose::ResetPassword, Purpose::ChangeEmail] {
            token::void(&mut tx, caller.user, purpose).await?;
        }
        match noticed {
            true => self.send(&mut tx, &account, Letter::PasswordChanged).await?,
            false => self.state.outbox.queue_nothing(&mut tx).await?,
        }
        self.record(&mut tx, Action::PasswordChanged, Some(caller.user), caller.user, origin).await?;
        Ok(tx.commit().await?)
    }

    /// Writes a link to the address, if it has an account; the answer does not say whether.
    pub async fn forgot_password(&self, email: &Email, origin: &Origin) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        let granted = self.state.passwords.may_mail(&mut tx, email, Purpose::ResetPassword).await?;
        let account = users::store::find_by_email(&mut tx, email).await?;
        let usable = |account: &Account| matches!(account.status, Status::Active | Status::Pending);
        let subject = account.as_ref().map(|account| account.base.id);
        match account.filter(usable) {
            Some(account) if granted => self.send_reset(&mut tx, &account).await?,
            _ => {
                self.no_token(&mut tx).await?;
                self.state.outbox.queue_nothing(&mut tx).await?;
            }
        }
        self.state.audit.record(&mut tx, Action::PasswordResetRequested, None, subject, origin).await?;
        Ok(tx.commit().await?)
    }

    /// Mails a link to choose a new password; somebody who was invited gets the invitation again.
    async fn send_reset(&self, tx: &mut Tx, account: &Account) -> Result<(), AuthError> {
        if account.is_invited() {
            return Ok(self.users.invite(tx, account).await.map(drop)?);
        }
        let token = self.reset_token(tx, account).await?;
        self.send(tx, account, Letter::ResetPassword { token }).await
    }

    pub(super) async fn reset_token(&self, tx: &mut Tx, account: &Account) -> Result<String, DbError> {
        let (id, email) = (account.base.id, &account.email);
        self.state.outbox.issue_token(tx, Purpose::ResetPassword, id, email).await
    }

    /// Sets a new password by a mailed token, of a reset or of an invitation. All sessions end, nobody is
    /// signed in; the answer is a device token, since whoever has the mailbox is the owner.
    pub async fn reset_password(&self, given: PasswordReset, origin: &Origin) -> Result<String, AuthError> {
        let now = self.state.clock.now();
        let purposes = [Purpose::ResetPassword, Purpose::Invitation];
        let found = token::find(&mut self.state.db.read().await?, &purposes, &given.token, now).await?;
        let found = found.ok_or(AuthError::InvalidToken)?;
        let hash = self.users.hash_new(given.new_password, &found.email, POINTER).await?;
        let (ring, device) = (&self.state.access.keys().device, self.new_device());
        let device_token = device::issue(ring, found.user_id, device, &hash.0, now)?;
        let mut tx = self.state.db.write().await?;
        users::store::lock(&mut tx, found.user_id).await?;
        if !token::use_up(&mut tx, found.purpose, &given.token, now).await? {
            return Err(AuthError::InvalidToken);
        }
        self.set_password(&mut tx, &found, hash, origin).await?;
        tx.commit().await?;
        Ok(device_token)
    }

    fn new_device(&self) -> DeviceId {
        DeviceId::fresh(&self.state.clock, &self.state.random)
    }

    async fn set_password(
        &self,
        tx: &mut Tx,
        found: &MailToken,
        hash: PasswordHash,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let person = users::store::find(tx, found.user_id).await?;
        // The token speaks for the address it was sent to, and for no later one.
        let mut account = person.ok_or(AuthError::InvalidToken)?.account;
        // And it lifts no suspension.
        if account.email != found.email || account.status == Status::Suspended {
            return Err(AuthError::InvalidToken);
        }
        account.password_hash = Some(hash);
        account.email_verified = true;
        if account.status == Status::Pending {
            account.status = Status::Active;
        }
        // The row is locked before the sessions go: a login that raced this finds its hash gone.
        users::store::save(tx, &mut account, self.state.clock.now()).await?;
        sessions::end_all(tx, found.user_id).await?;
        // A way back to an earlier address stays: whoever moved the account also gets its mail.
        token::void_all(tx, found.user_id).await?;
        self.state.passwords.vouch(tx, &account.email).await?;
        self.send(tx, &account, Letter::PasswordChanged).await?;
        let action = match found.purpose {
            Purpose::Invitation => Action::InvitationAccepted,
            _ => Action::PasswordReset,
        };
        Ok(self.record(tx, action, Some(found.user_id), found.user_id, origin).await?)
    }
}
