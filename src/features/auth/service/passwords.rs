//! Passwords: change, forgotten, reset.

use super::Auth;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::principal::{Principal, Status};
use crate::access::sessions;
use crate::base::email::Email;
use crate::db::Tx;
use crate::db::record::Record;
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{PasswordChange, PasswordReset};
use crate::features::users;
use crate::features::users::model::{Account, PasswordHash};
use crate::mail::Letter;
use crate::mail::token::{self, MailToken, Purpose};

impl Auth {
    /// Changes the caller's password; all their other sessions end.
    pub async fn change_password(
        &self,
        caller: &Principal,
        given: PasswordChange,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let account = self.users.get(caller.user).await?.account;
        self.users.check_new(&given.new_password, &account.email, "/new_password")?;
        self.check(&account, given.current_password, origin).await?;
        let hash = PasswordHash(self.state.passwords.hash(given.new_password).await?);
        let mut tx = self.state.db.write().await?;
        // Stale if a reset or a suspension came between: then the password that was checked is history.
        let mut account = account;
        account.password_hash = Some(hash);
        account.update(&mut tx, self.state.clock.now()).await?;
        sessions::end_others(&mut tx, caller.user, caller.session).await?;
        token::void(&mut tx, caller.user, Purpose::ResetPassword).await?;
        self.send(&mut tx, &account, Letter::PasswordChanged, Purpose::VerifyEmail).await?;
        self.record(&mut tx, Action::PasswordChanged, Some(caller.user), caller.user, origin).await?;
        Ok(tx.commit().await?)
    }

    /// Writes a link to the address, if it has an account; the answer does not say whether.
    pub async fn forgot_password(&self, email: &Email, origin: &Origin) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        let account = users::store::find_by_email(&mut tx, email).await?;
        let usable = |account: &Account| matches!(account.status, Status::Active | Status::Pending);
        let subject = account.as_ref().map(|account| account.base.id);
        match account.filter(usable) {
            Some(account) if self.state.passwords.may_mail(&mut tx, email).await? => {
                let outbox = &self.state.outbox;
                let token =
                    outbox.issue_token(&mut tx, Purpose::ResetPassword, account.base.id, email).await?;
                self.send(&mut tx, &account, Letter::ResetPassword { token }, Purpose::ResetPassword).await?;
            }
            _ => self.state.outbox.queue_nothing(&mut tx).await?,
        }
        self.state.audit.record(&mut tx, Action::PasswordResetRequested, None, subject, origin).await?;
        Ok(tx.commit().await?)
    }

    /// Sets a new password by a mailed token, of a reset or of an invitation. All sessions end, nobody is
    /// signed in; the answer is a device token, since whoever has the mailbox is the owner.
    pub async fn reset_password(&self, given: PasswordReset, origin: &Origin) -> Result<String, AuthError> {
        let now = self.state.clock.now();
        let purposes = [Purpose::ResetPassword, Purpose::Invitation];
        let found = token::find(&mut self.state.db.read().await?, &purposes, &given.token, now).await?;
        let found = found.ok_or(AuthError::InvalidToken)?;
        self.users.check_new(&given.new_password, &found.email, "/new_password")?;
        let hash = PasswordHash(self.state.passwords.hash(given.new_password).await?);
        let mut tx = self.state.db.write().await?;
        users::store::lock(&mut tx, found.user_id).await?;
        if !token::use_up(&mut tx, found.purpose, &given.token, now).await? {
            return Err(AuthError::InvalidToken);
        }
        self.set_password(&mut tx, &found, hash, origin).await?;
        tx.commit().await?;
        self.device_token(found.user_id, None)
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
        if account.email != found.email {
            return Err(AuthError::InvalidToken);
        }
        account.password_hash = Some(hash);
        account.email_verified = true;
        if account.status == Status::Pending {
            account.status = Status::Active;
        }
        // The row is locked before the sessions go: a login that raced this finds its hash gone.
        account.update(tx, self.state.clock.now()).await?;
        sessions::end_all(tx, found.user_id).await?;
        // A way back to an earlier address stays: whoever moved the account also gets its mail.
        token::void_others(tx, found.user_id, Purpose::CancelEmailChange).await?;
        self.state.passwords.vouch(tx, &account.email).await?;
        self.send(tx, &account, Letter::PasswordChanged, Purpose::VerifyEmail).await?;
        let action = match found.purpose {
            Purpose::Invitation => Action::InvitationAccepted,
            _ => Action::PasswordReset,
        };
        Ok(self.record(tx, action, Some(found.user_id), found.user_id, origin).await?)
    }
}
