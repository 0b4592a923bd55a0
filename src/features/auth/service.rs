//! The use cases of signing in. Slow work comes before the transaction; mail is queued inside it.

use std::time::Duration;

use axum::extract::FromRef;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::AuthError;
use super::model::{Login, Registration, TokenPair, Verification};
use super::store::{self, MailToken, Purpose};
use crate::access::device::{self, DeviceId};
use crate::access::issue::Tokens;
use crate::access::password::{Claim, Proof};
use crate::access::principal::{Principal, Status};
use crate::access::sessions::{self, Origin, SessionRow};
use crate::base::email::Email;
use crate::base::id::{SessionId, UserId};
use crate::base::language::Language;
use crate::config::{EmailVerification, Registration as Policy};
use crate::db::record::{Base, Record};
use crate::db::{DbError, Tx};
use crate::features::users;
use crate::features::users::error::UsersError;
use crate::features::users::model::{Account, DisplayName, PasswordHash, Person};
use crate::features::users::service::Users;
use crate::mail::{Letter, Mail};
use crate::state::AppState;

/// How long a link that verifies an address is good for.
const VERIFICATION_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How often a registration looks again after others of the same address: after that many, one of
/// them has sent the mail that this one would have sent.
const RACES: usize = 20;

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

/// What became of a registration.
pub enum Registered {
    /// The account is there and may be used.
    Active(Box<Person>),
    /// A mail is on its way; who asked learns nothing else.
    MailSent,
}

impl Auth {
    /// Registers a person, or, where addresses must be verified, writes to them.
    pub async fn register(&self, new: Registration, language: Language) -> Result<Registered, AuthError> {
        let auth = &self.state.config.auth;
        if auth.registration != Policy::Open {
            return Err(AuthError::RegistrationClosed);
        }
        let hash = self.users.hash_new(new.password.0.clone(), &new.email).await?;
        let account = self.new_account(new, hash, language);
        match auth.email_verification {
            EmailVerification::Optional => self.register_active(account).await,
            EmailVerification::Required => self.register_pending(account).await,
        }
    }

    async fn register_active(&self, account: Account) -> Result<Registered, AuthError> {
        let account = Account { status: Status::Active, ..account };
        let mut tx = self.state.db.write().await?;
        users::service::insert(&mut tx, &account, std::iter::empty()).await?;
        self.send_verification(&mut tx, &account).await?;
        tx.commit().await?;
        Ok(Registered::Active(Box::new(self.users.get(account.base.id).await?)))
    }

    /// The same answer and the same work, whether the address is new, pending or in use.
    async fn register_pending(&self, account: Account) -> Result<Registered, AuthError> {
        for _ in 0..RACES {
            match self.try_register_pending(&account).await {
                // Somebody registered the same address at the same moment: look again, so that the
                // answer does not say that there was somebody.
                Err(AuthError::Users(UsersError::EmailTaken) | AuthError::Database(DbError::Stale)) => {}
                outcome => return outcome.map(|()| Registered::MailSent),
            }
        }
        Ok(Registered::MailSent)
    }

    async fn try_register_pending(&self, new: &Account) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        match users::store::find_by_email(&mut tx, &new.email).await? {
            None => {
                users::service::insert(&mut tx, new, std::iter::empty()).await?;
                self.send_verification(&mut tx, new).await?;
            }
            // Whoever registers last sets the password; a token for the older one is void.
            Some(mut pending) if pending.status == Status::Pending && pending.password_hash.is_some() => {
                pending.password_hash.clone_from(&new.password_hash);
                pending.display_name.clone_from(&new.display_name);
                pending.locale = new.locale;
                pending.update(&mut tx, self.state.clock.now()).await?;
                self.send_verification(&mut tx, &pending).await?;
            }
            Some(known) => self.send(&mut tx, &known, Letter::AlreadyRegistered).await?,
        }
        Ok(tx.commit().await?)
    }

    /// Signs in: a new session, always.
    pub async fn login(&self, login: Login, origin: &Origin) -> Result<TokenPair, AuthError> {
        let Login { email, password, device_token } = login;
        let account = users::store::find_by_email(&mut self.state.db.read().await?, &email).await?;
        let known = account.as_ref().map(|a| a.base.id);
        let device = known.zip(device_token).and_then(|(user, token)| {
            Some((user, device::read(&self.state.access.keys().device, user, &token)?))
        });
        let stored = account.as_ref().and_then(|a| a.password_hash.clone());
        let claim = Claim {
            email: &email,
            stored: stored.clone().map(|h| h.0),
            password: password.0.clone(),
            device,
        };
        let proof = self.state.passwords.check(claim).await?;
        let (account, stored) = account.zip(stored).ok_or(AuthError::InvalidCredentials)?;
        let proof = self.admit(proof, account.status).await?;
        // An upgrade that finds the queue full waits for the next sign-in.
        let rehashed = match proof.outdated {
            true => self.state.passwords.hash(password.0).await.ok().map(PasswordHash),
            false => None,
        };
        let mut tx = self.state.db.write().await?;
        let (id, now) = (account.base.id, self.state.clock.now());
        proof.settle(&mut tx).await?;
        if !users::store::note_login(&mut tx, id, &stored, rehashed.as_ref(), now).await? {
            return Err(AuthError::InvalidCredentials);
        }
        let tokens = self.state.access.sign_in(&mut tx, id, origin).await?;
        tx.commit().await?;
        self.pair(tokens, device.map(|(_, device)| device)).await
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
    pub async fn refresh(&self, refresh_token: &str) -> Result<TokenPair, AuthError> {
        let tokens = self.state.access.refresh(refresh_token).await?;
        self.pair(tokens, None).await
    }

    /// Ends the caller's session.
    pub async fn logout(&self, caller: &Principal) -> Result<(), AuthError> {
        self.end_session(caller.user, caller.session).await
    }

    /// The caller's sessions, newest first.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<SessionRow>, AuthError> {
        let now = self.state.clock.now();
        Ok(sessions::of_user(&mut self.state.db.read().await?, user, now).await?)
    }

    /// Ends one session of `user`; another user's is not there.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        if !sessions::end_own(&mut tx, user, session).await? {
            return Err(AuthError::NoSuchSession);
        }
        Ok(tx.commit().await?)
    }

    /// Ends all sessions of the caller but the one of this request.
    pub async fn end_other_sessions(&self, caller: &Principal) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        sessions::end_others(&mut tx, caller.user, caller.session).await?;
        Ok(tx.commit().await?)
    }

    /// Marks an address as verified: the token shows the mailbox, the password or the bearer token
    /// shows the account. A wrong password does not use the token up.
    pub async fn verify_email(&self, given: Verification, caller: Option<UserId>) -> Result<(), AuthError> {
        let now = self.state.clock.now();
        let mut db = self.state.db.read().await?;
        let found = store::find_token(&mut db, Purpose::VerifyEmail, &given.token, now).await?;
        let found = found.ok_or(AuthError::InvalidToken)?;
        let person = users::store::find(&mut db, found.user_id).await?.ok_or(AuthError::InvalidToken)?;
        drop(db);
        match (caller, given.password) {
            (Some(user), _) if user == found.user_id => {}
            (Some(_), None) => return Err(AuthError::InvalidToken),
            (None, None) => return Err(AuthError::PasswordRequired),
            (_, Some(password)) => {
                let stored = person.account.password_hash.map(|hash| hash.0);
                let claim =
                    Claim { email: &person.account.email, stored, password: password.0, device: None };
                let proof = self.state.passwords.check(claim).await?;
                self.state.passwords.settle(proof).await?;
            }
        }
        let mut tx = self.state.db.write().await?;
        if !store::use_token(&mut tx, Purpose::VerifyEmail, &given.token, now).await? {
            return Err(AuthError::InvalidToken);
        }
        self.mark_verified(&mut tx, &found).await?;
        Ok(tx.commit().await?)
    }

    async fn mark_verified(&self, tx: &mut Tx, token: &MailToken) -> Result<(), AuthError> {
        let person = users::store::find(tx, token.user_id).await?;
        // The token speaks for the address it was sent to, and for no later one.
        let person = person.filter(|p| p.account.email == token.email).ok_or(AuthError::InvalidToken)?;
        let mut account = person.account;
        account.email_verified = true;
        if account.status == Status::Pending {
            account.status = Status::Active;
        }
        Ok(account.update(tx, self.state.clock.now()).await?)
    }

    /// Sends the link once more, if the address waits for it; the answer does not say whether.
    pub async fn resend_verification(&self, email: &Email) -> Result<(), AuthError> {
        let mut tx = self.state.db.write().await?;
        match users::store::find_by_email(&mut tx, email).await? {
            Some(account) if !account.email_verified => self.send_verification(&mut tx, &account).await?,
            _ => self.state.outbox.queue_nothing(&mut tx).await?,
        }
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

    async fn send_verification(&self, tx: &mut Tx, account: &Account) -> Result<(), AuthError> {
        let token = URL_SAFE_NO_PAD.encode(self.state.random.bytes::<32>());
        let to = MailToken { user_id: account.base.id, email: account.email.clone() };
        let expires_at = self.state.clock.now().plus(VERIFICATION_LIFE);
        store::replace_token(tx, Purpose::VerifyEmail, &token, &to, expires_at).await?;
        self.send(tx, account, Letter::VerifyEmail { token }).await
    }

    async fn send(&self, tx: &mut Tx, account: &Account, letter: Letter) -> Result<(), AuthError> {
        let mail = Mail { to: account.email.clone(), language: account.locale.unwrap_or_default(), letter };
        Ok(self.state.outbox.queue(tx, &mail, VERIFICATION_LIFE).await?)
    }

    /// Tokens as the client gets them: with the account, and a proof for this device's next sign-in.
    async fn pair(&self, tokens: Tokens, device: Option<DeviceId>) -> Result<TokenPair, AuthError> {
        let user = tokens.principal.user;
        // One for each session, however often it is refreshed: a device has one budget of guesses.
        let device = device.unwrap_or(DeviceId(tokens.principal.session.0));
        Ok(TokenPair {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in.as_secs(),
            refresh_token: tokens.refresh_token,
            refresh_expires_in: tokens.refresh_expires_in.as_secs(),
            device_token: device::issue(&self.state.access.keys().device, user, device)?,
            user: self.users.get(user).await?.into(),
        })
    }
}

/// Deletes mailed tokens that have expired.
pub async fn purge(state: &AppState) -> Result<u64, DbError> {
    let mut tx = state.db.write().await?;
    let purged = store::purge(&mut tx, state.clock.now()).await?;
    tx.commit().await?;
    Ok(purged)
}
