//! Registering.

use super::Auth;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::principal::Status;
use crate::base::id::UserId;
use crate::base::language::Language;
use crate::config::{EmailVerification, Registration as Policy};
use crate::db::record::{Base, Record};
use crate::db::{DbError, Tx};
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{Registered, Registration};
use crate::features::users;
use crate::features::users::error::UsersError;
use crate::features::users::model::{Account, DisplayName, PasswordHash};
use crate::mail::Letter;
use crate::mail::token::Purpose;

/// How often a registration looks again after others of the same address: after that many, one of
/// them has sent the mail that this one would have sent.
const RACES: usize = 20;

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
        let hash = self.users.hash_new(new.password.clone(), &new.email).await?;
        let account = self.new_account(new, hash, language);
        match auth.email_verification {
            EmailVerification::Optional => self.register_active(account, origin).await,
            EmailVerification::Required => self.register_pending(account, origin).await,
        }
    }

    async fn register_active(&self, account: Account, origin: &Origin) -> Result<Registered, AuthError> {
        let account = Account { status: Status::Active, ..account };
        let mut tx = self.state.db.write().await?;
        users::service::insert(&mut tx, &account, std::iter::empty()).await?;
        self.send_verification(&mut tx, &account).await?;
        self.record(&mut tx, Action::Registered, None, account.base.id, origin).await?;
        tx.commit().await?;
        Ok(Registered::Active(Box::new(self.users.get(account.base.id).await?)))
    }

    /// The same answer and the same work, whether the address is new, pending or in use.
    async fn register_pending(&self, account: Account, origin: &Origin) -> Result<Registered, AuthError> {
        for _ in 0..RACES {
            match self.try_register_pending(&account, origin).await {
                // Somebody registered the same address at the same moment: look again, so that the
                // answer does not say that there was somebody.
                Err(AuthError::Users(UsersError::EmailTaken) | AuthError::Database(DbError::Stale)) => {}
                outcome => return outcome.map(|()| Registered::MailSent),
            }
        }
        Ok(Registered::MailSent)
    }

    async fn try_register_pending(&self, new: &Account, origin: &Origin) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        let subject = match users::store::find_by_email(&mut tx, &new.email).await? {
            None => {
                users::service::insert(&mut tx, new, std::iter::empty()).await?;
                self.send_verification(&mut tx, new).await?;
                new.base.id
            }
            // Whoever registers last sets the password; a token for the older one is void.
            Some(mut pending) if pending.status == Status::Pending && pending.password_hash.is_some() => {
                pending.password_hash.clone_from(&new.password_hash);
                pending.display_name.clone_from(&new.display_name);
                pending.locale = new.locale;
                pending.update(&mut tx, self.state.clock.now()).await?;
                self.send_verification(&mut tx, &pending).await?;
                pending.base.id
            }
            Some(known) => {
                self.send(&mut tx, &known, Letter::AlreadyRegistered, Purpose::VerifyEmail).await?;
                known.base.id
            }
        };
        self.record(&mut tx, Action::Registered, None, subject, origin).await?;
        Ok(tx.commit().await?)
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

    pub(super) async fn send_verification(&self, tx: &mut Tx, account: &Account) -> Result<(), AuthError> {
        let outbox = &self.state.outbox;
        let token = outbox.issue_token(tx, Purpose::VerifyEmail, account.base.id, &account.email).await?;
        self.send(tx, account, Letter::VerifyEmail { token }, Purpose::VerifyEmail).await
    }
}
