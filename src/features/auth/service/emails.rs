//! Addresses: verify, resend, change, cancel a change.

use super::Auth;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::principal::{Principal, Status};
use crate::access::sessions;
use crate::base::email::Email;
use crate::db::record::Record;
use crate::db::{DbError, Tx};
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{EmailChange, Verification};
use crate::features::users;
use crate::features::users::error::UsersError;
use crate::features::users::model::Account;
use crate::mail::token::{self, MailToken, Purpose};
use crate::mail::{Letter, Mail};

impl Auth {
    /// Marks an address as verified, or completes a change to it: the token shows the mailbox, the
    /// password or the bearer token shows the account. A wrong password does not use the token up.
    pub async fn verify_email(
        &self,
        given: Verification,
        caller: Option<&Principal>,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let now = self.state.clock.now();
        let mut db = self.state.db.read().await?;
        let found =
            token::find(&mut db, &[Purpose::VerifyEmail, Purpose::ChangeEmail], &given.token, now).await?;
        let found = found.ok_or(AuthError::InvalidToken)?;
        let person = users::store::find(&mut db, found.user_id).await?.ok_or(AuthError::InvalidToken)?;
        drop(db);
        let owner = caller.filter(|caller| caller.user == found.user_id);
        match (owner, given.password) {
            (Some(_), _) => {}
            (None, Some(password)) => self.check(&person.account, password, origin).await?,
            (None, None) if caller.is_some() => return Err(AuthError::InvalidToken),
            (None, None) => return Err(AuthError::PasswordRequired),
        }
        let mut tx = self.state.db.write().await?;
        users::store::lock(&mut tx, found.user_id).await?;
        if !token::use_up(&mut tx, found.purpose, &given.token, now).await? {
            return Err(AuthError::InvalidToken);
        }
        match found.purpose {
            Purpose::ChangeEmail => self.complete_change(&mut tx, &found, owner, origin).await?,
            _ => self.mark_verified(&mut tx, &found, origin).await?,
        }
        Ok(tx.commit().await?)
    }

    async fn mark_verified(&self, tx: &mut Tx, found: &MailToken, origin: &Origin) -> Result<(), AuthError> {
        let mut account = self.account_of(tx, found).await?;
        // The token speaks for the address it was sent to, and for no later one.
        if account.email != found.email {
            return Err(AuthError::InvalidToken);
        }
        account.email_verified = true;
        if account.status == Status::Pending {
            account.status = Status::Active;
        }
        account.update(tx, self.state.clock.now()).await?;
        Ok(self.record(tx, Action::EmailVerified, Some(found.user_id), found.user_id, origin).await?)
    }

    /// The new address takes the place of the old; all sessions end but the one of this request.
    async fn complete_change(
        &self,
        tx: &mut Tx,
        found: &MailToken,
        caller: Option<&Principal>,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let mut account = self.account_of(tx, found).await?;
        account.email = found.email.clone();
        account.email_verified = true;
        self.take_address(tx, &mut account).await?;
        for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::Invitation] {
            token::void(tx, found.user_id, purpose).await?;
        }
        match caller {
            Some(caller) => sessions::end_others(tx, caller.user, caller.session).await?,
            None => sessions::end_all(tx, found.user_id).await?,
        };
        Ok(self.record(tx, Action::EmailChanged, Some(found.user_id), found.user_id, origin).await?)
    }

    /// Sends the verification link once more, if the address waits for it; the answer does not say
    /// whether.
    pub async fn resend_verification(&self, email: &Email) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        let account = users::store::find_by_email(&mut tx, email).await?;
        match account.filter(|account| !account.email_verified) {
            Some(account) if self.state.passwords.may_mail(&mut tx, email).await? => {
                self.send_verification(&mut tx, &account).await?;
            }
            _ => self.state.outbox.queue_nothing(&mut tx).await?,
        }
        Ok(tx.commit().await?)
    }

    /// Starts a change of address: a link to the new one, a notice with a way back to the old one.
    /// An address that is taken gets a mail that says so; the answer is the same.
    pub async fn change_email(
        &self,
        caller: &Principal,
        given: EmailChange,
        origin: &Origin,
    ) -> Result<(), AuthError> {
        let account = self.users.get(caller.user).await?.account;
        self.check(&account, given.password, origin).await?;
        let mut tx = self.state.db.write().await?;
        users::store::lock(&mut tx, caller.user).await?;
        let taken = users::store::find_by_email(&mut tx, &given.new_email).await?.is_some();
        let letter = match taken {
            true => {
                token::void(&mut tx, caller.user, Purpose::ChangeEmail).await?;
                Letter::AlreadyRegistered
            }
            false => {
                let outbox = &self.state.outbox;
                let token = outbox.issue_token(&mut tx, Purpose::ChangeEmail, caller.user, &given.new_email);
                Letter::ConfirmNewEmail { token: token.await? }
            }
        };
        let language = account.locale.unwrap_or_default();
        let mail = Mail { to: given.new_email, language, letter };
        self.state.outbox.queue(&mut tx, &mail, Purpose::ChangeEmail.life()).await?;
        let notice = self.way_back(&mut tx, &account).await?;
        self.send(&mut tx, &account, notice, Purpose::CancelEmailChange).await?;
        self.record(&mut tx, Action::EmailChangeRequested, Some(caller.user), caller.user, origin).await?;
        Ok(tx.commit().await?)
    }

    /// The notice of a change, to the present address. A way back to the address before is kept as long as
    /// it lasts, and is the only one: who got hold of an account could move it twice to be rid of it.
    async fn way_back(&self, tx: &mut Tx, account: &Account) -> Result<Letter, AuthError> {
        let (id, purpose) = (account.base.id, Purpose::CancelEmailChange);
        let earlier = token::outstanding(tx, purpose, id, self.state.clock.now()).await?;
        if earlier.is_some_and(|earlier| earlier.email != account.email) {
            return Ok(Letter::EmailChangeRepeated);
        }
        let token = self.state.outbox.issue_token(tx, purpose, id, &account.email).await?;
        Ok(Letter::EmailChangeNotice { token })
    }

    /// Keeps, or gives back, the address that the notice was sent to. Whoever asked for the change is
    /// not believed any more: all sessions end.
    pub async fn cancel_email_change(&self, given: &str, origin: &Origin) -> Result<(), AuthError> {
        let now = self.state.clock.now();
        let mut tx = self.state.db.write().await?;
        let found = token::find(&mut tx, &[Purpose::CancelEmailChange], given, now).await?;
        let found = found.ok_or(AuthError::InvalidToken)?;
        users::store::lock(&mut tx, found.user_id).await?;
        if !token::use_up(&mut tx, Purpose::CancelEmailChange, given, now).await? {
            return Err(AuthError::InvalidToken);
        }
        token::void_all(&mut tx, found.user_id).await?;
        let mut account = self.account_of(&mut tx, &found).await?;
        if account.email != found.email {
            account.email = found.email.clone();
            self.take_address(&mut tx, &mut account).await?;
        }
        sessions::end_all(&mut tx, found.user_id).await?;
        self.record(&mut tx, Action::EmailChangeCancelled, Some(found.user_id), found.user_id, origin)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn account_of(&self, tx: &mut Tx, found: &MailToken) -> Result<Account, AuthError> {
        let person = users::store::find(tx, found.user_id).await?;
        Ok(person.ok_or(AuthError::InvalidToken)?.account)
    }

    async fn take_address(&self, tx: &mut Tx, account: &mut Account) -> Result<(), AuthError> {
        match account.update(tx, self.state.clock.now()).await {
            Err(DbError::Duplicate(_)) => Err(UsersError::EmailTaken.into()),
            updated => Ok(updated?),
        }
    }
}
