//! Addresses: verify, resend, change, cancel a change.

use super::Auth;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::password::Standing;
use crate::access::principal::{Actor, Principal, Status};
use crate::access::sessions;
use crate::base::email::Email;
use crate::db::{DbError, Tx};
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{EmailChange, Verification};
use crate::features::users;
use crate::features::users::error::UsersError;
use crate::features::users::model::Account;
use crate::mail::token::{self, MailToken};
use crate::mail::{Letter, Mail, Purpose, way_back};

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
            (None, Some(password)) => {
                self.check(&person.account, password, Standing::Stranger, origin).await?
            }
            (None, None) if caller.is_some() => return Err(AuthError::InvalidToken),
            (None, None) => return Err(AuthError::PasswordRequired),
        }
        let mut tx = self.state.db.write().await?;
        users::store::lock(&mut tx, found.user_id).await?;
        // The password is still the one that was checked, and the session is not over.
        let current = self.account_of(&mut tx, &found).await?;
        if owner.is_none() && current.password_hash != person.account.password_hash {
            return Err(AuthError::InvalidToken);
        }
        self.state.access.confirm(&mut tx, Actor { principal: owner, origin }).await?;
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
        users::store::save(tx, &mut account, self.state.clock.now()).await?;
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
        let granted = self.state.passwords.may_mail(&mut tx, email, Purpose::VerifyEmail).await?;
        let account = users::store::find_by_email(&mut tx, email).await?;
        match account.filter(|account| !account.email_verified) {
            Some(account) if granted => self.send_verification(&mut tx, &account).await?,
            _ => {
                self.no_token(&mut tx).await?;
                self.state.outbox.queue_nothing(&mut tx).await?;
            }
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
        let checked = self.users.get(caller.user).await?.account;
        self.check(&checked, given.password, Standing::Session(caller.session), origin).await?;
        if given.new_email == checked.email {
            return Err(AuthError::SameAddress);
        }
        let mut tx = self.state.db.write().await?;
        let granted = self.state.passwords.may_mail(&mut tx, &given.new_email, Purpose::ChangeEmail).await?;
        let noticed = self.state.passwords.may_notify(&mut tx, &checked.email).await?;
        let account = self.settled(&mut tx, &checked).await?;
        self.state.access.confirm(&mut tx, Actor { principal: Some(caller), origin }).await?;
        self.write_to_new(&mut tx, &account, given.new_email, granted).await?;
        self.write_to_old(&mut tx, &account, noticed).await?;
        self.record(&mut tx, Action::EmailChangeRequested, Some(caller.user), caller.user, origin).await?;
        Ok(tx.commit().await?)
    }

    async fn write_to_new(
        &self,
        tx: &mut Tx,
        account: &Account,
        to: Email,
        granted: bool,
    ) -> Result<(), AuthError> {
        let (outbox, id, purpose) = (&self.state.outbox, account.base.id, Purpose::ChangeEmail);
        let taken = users::store::find_by_email(tx, &to).await?.is_some();
        let letter = match (granted, taken) {
            // What was sent to this address before is all it gets for now.
            (false, _) => {
                token::void_unless_for(tx, id, purpose, &to).await?;
                return Ok(outbox.queue_nothing(tx).await?);
            }
            (true, true) => {
                token::void(tx, id, purpose).await?;
                Letter::AddressInUse
            }
            (true, false) => {
                Letter::ConfirmNewEmail { token: outbox.issue_token(tx, purpose, id, &to).await? }
            }
        };
        let mail = Mail { to, language: account.locale.unwrap_or_default(), letter };
        Ok(outbox.queue(tx, id, &mail).await?)
    }

    /// The notice, with a way back to the address that it is sent to. Without a new notice the way back
    /// of the last one stays.
    async fn write_to_old(&self, tx: &mut Tx, account: &Account, granted: bool) -> Result<(), AuthError> {
        let (outbox, id, to) = (&self.state.outbox, account.base.id, &account.email);
        let is_open = way_back::is_open(tx, id, to, self.state.clock.now()).await?;
        if !granted && is_open {
            return Ok(outbox.queue_nothing(tx).await?);
        }
        let letter = Letter::EmailChangeNotice { token: outbox.open_way_back(tx, id, to).await? };
        let mail = Mail { to: to.clone(), language: account.locale.unwrap_or_default(), letter };
        Ok(outbox.queue(tx, id, &mail).await?)
    }

    /// Keeps, or gives back, the address that the notice was sent to. Whoever asked for the change knows
    /// the password and is not believed any more: all sessions end, the password is void, and a link to
    /// choose another goes to the address.
    pub async fn cancel_email_change(&self, given: &str, origin: &Origin) -> Result<(), AuthError> {
        let now = self.state.clock.now();
        let mut tx = self.state.db.write().await?;
        let way = way_back::find(&mut tx, given, now).await?.ok_or(AuthError::InvalidToken)?;
        users::store::lock_admins(&mut tx).await?;
        users::store::lock(&mut tx, way.user_id).await?;
        if !way_back::use_up(&mut tx, &way, given, now).await? {
            return Err(AuthError::InvalidToken);
        }
        token::void_all(&mut tx, way.user_id).await?;
        let person = users::store::find(&mut tx, way.user_id).await?;
        let mut account = person.ok_or(AuthError::InvalidToken)?.account;
        // It lifts no suspension, and is good again once that is over.
        if account.status == Status::Suspended {
            return Err(AuthError::InvalidToken);
        }
        if account.email != way.email {
            // Nobody else has shown since that the address is theirs.
            let unproven = |other: &Account| other.status == Status::Pending || !other.email_verified;
            let actor = Actor { principal: None, origin };
            self.users.make_way(&mut tx, &way.email, unproven, actor).await?;
        }
        account.email = way.email;
        account.email_verified = true;
        account.password_hash = None;
        self.take_address(&mut tx, &mut account).await?;
        sessions::end_all(&mut tx, way.user_id).await?;
        let token = self.reset_token(&mut tx, &account).await?;
        self.send(&mut tx, &account, Letter::AddressKept { token }).await?;
        self.record(&mut tx, Action::EmailChangeCancelled, Some(way.user_id), way.user_id, origin).await?;
        Ok(tx.commit().await?)
    }

    async fn account_of(&self, tx: &mut Tx, found: &MailToken) -> Result<Account, AuthError> {
        let person = users::store::find(tx, found.user_id).await?;
        Ok(person.ok_or(AuthError::InvalidToken)?.account)
    }

    async fn take_address(&self, tx: &mut Tx, account: &mut Account) -> Result<(), AuthError> {
        match users::store::save(tx, account, self.state.clock.now()).await {
            Err(DbError::Duplicate(_)) => Err(UsersError::EmailTaken.into()),
            updated => Ok(updated?),
        }
    }
}
