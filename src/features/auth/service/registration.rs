//! Registering.

use super::Auth;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::permission::USER;
use crate::access::principal::Status;
use crate::base::id::UserId;
use crate::base::language::Language;
use crate::config::{EmailVerification, Registration as Policy};
use crate::db::Tx;
use crate::db::record::Base;
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{Registered, Registration};
use crate::features::users;
use crate::features::users::model::{Account, DisplayName, PasswordHash};
use crate::mail::{Letter, Purpose};

impl Auth {
    /// Registers a person, or, where addresses must be verified, writes to them.
    pub async fn register(
        &self,
        new: Registration,
        language: Language,
        origin: &Origin,
    ) -> Result<Registered, AuthError> {
        let auth = &self.state.config.auth;
        if auth.registration != Policy::Open {
            return Err(AuthError::RegistrationClosed);
        }
        let hash = self.users.hash_new(new.password.clone(), &new.email, "/password").await?;
        let account = self.new_account(new, hash, language);
        match auth.email_verification {
            EmailVerification::Optional => self.register_active(account, origin).await,
            EmailVerification::Required => self.register_pending(&account, origin).await,
        }
    }

    async fn register_active(&self, account: Account, origin: &Origin) -> Result<Registered, AuthError> {
        let account = Account { status: Status::Active, ..account };
        let mut tx = self.state.db.write().await?;
        let granted = self.state.passwords.may_mail(&mut tx, &account.email, Purpose::VerifyEmail).await?;
        users::service::insert(&mut tx, &account, std::iter::empty()).await?;
        match granted {
            true => self.send_verification(&mut tx, &account).await?,
            false => self.state.outbox.queue_nothing(&mut tx).await?,
        }
        self.record(&mut tx, Action::Registered, None, account.base.id, origin).await?;
        tx.commit().await?;
        Ok(Registered::Active(Box::new(self.users.get(account.base.id).await?)))
    }

    /// The same answer and the same statements, whether the address is new, pending or in use, and
    /// whether it may be written to once more or not. The budget of its mails comes first: it makes all
    /// who register the same address wait for each other.
    async fn register_pending(&self, new: &Account, origin: &Origin) -> Result<Registered, AuthError> {
        let (mut tx, now) = (self.state.db.write().await?, self.state.clock.now());
        let granted = self.state.passwords.may_mail(&mut tx, &new.email, Purpose::VerifyEmail).await?;
        let is_new = users::store::insert_if_free(&mut tx, new).await?;
        let account = users::store::find_by_email(&mut tx, &new.email).await?;
        // Gone in this very moment: as good as not there.
        let account = account.unwrap_or_else(|| new.clone());
        let id = account.base.id;
        // Whoever registers last sets the password, and the link that goes with it; without a link, what
        // was registered before stays.
        let nobody = UserId::fresh(&self.state.clock, &self.state.random);
        let again = if granted && !is_new { id } else { nobody };
        let is_pending = users::store::register_again(&mut tx, again, new, now).await?;
        match is_new {
            true => users::store::add_role(&mut tx, id, USER).await?,
            false => users::store::lock(&mut tx, id).await?,
        }
        let account = if is_pending { Account { locale: new.locale, ..account } } else { account };
        match granted {
            true if is_new || is_pending => self.send_verification(&mut tx, &account).await?,
            true => {
                self.no_token(&mut tx).await?;
                self.send(&mut tx, &account, Letter::AlreadyRegistered).await?;
            }
            false => {
                self.no_token(&mut tx).await?;
                self.state.outbox.queue_nothing(&mut tx).await?;
            }
        }
        self.record(&mut tx, Action::Registered, None, id, origin).await?;
        tx.commit().await?;
        Ok(Registered::MailSent)
    }

    fn new_account(&self, new: Registration, hash: PasswordHash, language: Language) -> Account {
        let id = UserId::fresh(&self.state.clock, &self.state.random);
        Account {
            base: Base::new(id, self.state.clock.now()),
            email: new.email,
            email_verified: false,
            password_hash: Some(hash),
            display_name: new.display_name.map(DisplayName::into_string),
            locale: Some(new.locale.unwrap_or(language)),
            status: Status::Pending,
            last_login_at: None,
            deleted_at: None,
        }
    }

    /// Mails a link that shows whose the address is; somebody who was invited gets the invitation again.
    pub(super) async fn send_verification(&self, tx: &mut Tx, account: &Account) -> Result<(), AuthError> {
        if account.is_invited() {
            return Ok(self.users.invite(tx, account).await.map(drop)?);
        }
        let outbox = &self.state.outbox;
        let token = outbox.issue_token(tx, Purpose::VerifyEmail, account.base.id, &account.email).await?;
        self.send(tx, account, Letter::VerifyEmail { token }).await
    }
}
