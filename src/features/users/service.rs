//! What is done with accounts. Handlers, commands and tests call the same.

use axum::extract::FromRef;

use super::error::UsersError;
use super::model::{Account, PasswordHash, Person};
use super::store::{self, Filter, Position};
use crate::access::password::Claim;
use crate::access::permission::USER;
use crate::access::principal::Status;
use crate::access::{sessions, strength};
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::base::language::Language;
use crate::base::secret::Password;
use crate::base::service;
use crate::db::record::{Base, Record};
use crate::db::{DbError, Tx};
use crate::http::etag::IfMatch;
use crate::http::extract::Patch;
use crate::http::page::{Limit, Page};
use crate::state::AppState;

/// The service of accounts.
#[derive(Clone)]
pub struct Users(AppState);

impl FromRef<AppState> for Users {
    fn from_ref(state: &AppState) -> Self {
        Self(state.clone())
    }
}

/// An account to be made by an operator.
pub struct NewUser {
    pub email: Email,
    pub password: Option<Password>,
    pub display_name: Option<String>,
    pub locale: Option<Language>,
    pub roles: Vec<String>,
}

/// What a person may change about themselves.
pub struct Changes {
    pub display_name: Patch<String>,
    pub locale: Patch<Language>,
}

/// Which page of which list.
pub struct PageOf {
    pub filter: Filter,
    pub limit: Limit,
    pub cursor: Option<String>,
    pub include_total: bool,
}

const LIST: &str = "users";

impl Users {
    /// An account that is not deleted.
    pub async fn get(&self, id: UserId) -> Result<Person, UsersError> {
        store::find(&mut self.0.db.read().await?, id).await?.ok_or(UsersError::NotFound)
    }

    pub async fn find_by_email(&self, email: &Email) -> Result<Account, UsersError> {
        store::find_by_email(&mut self.0.db.read().await?, email).await?.ok_or(UsersError::NotFound)
    }

    /// One page of accounts, with a cursor to the next.
    pub async fn list(&self, page: PageOf) -> Result<Page<Person>, UsersError> {
        let PageOf { filter, limit, cursor, include_total } = page;
        let decode = |cursor: String| self.0.cursors.decode::<Position>(LIST, &filter, &cursor);
        let after = cursor.map(decode).transpose().map_err(UsersError::Refused)?;
        let mut db = self.0.db.read().await?;
        let rows = store::list(&mut db, &filter, after.as_ref(), limit.probe()).await?;
        let mut page = Page::cut(rows, limit, |last| {
            self.0.cursors.encode(LIST, &filter, &Position::of(last, filter.sort))
        })?;
        if include_total {
            page.total = Some(store::count(&mut db, &filter).await?);
        }
        let ids: Vec<_> = page.items.iter().map(|account| account.base.id).collect();
        let mut roles = store::roles_of(&mut db, &ids).await?;
        Ok(page.map(|account| Person { roles: roles.remove(&account.base.id).unwrap_or_default(), account }))
    }

    /// Makes an account that is active at once.
    pub async fn create(&self, new: NewUser) -> Result<Person, UsersError> {
        let hash = match new.password.clone() {
            Some(password) => Some(self.hash_new(password, &new.email).await?),
            None => None,
        };
        let now = self.0.clock.now();
        let account = Account {
            base: Base::new(UserId::fresh(&self.0.clock, &self.0.random), now),
            email: new.email,
            // Whoever runs the server vouches for the address.
            email_verified: true,
            status: if hash.is_some() { Status::Active } else { Status::Pending },
            password_hash: hash,
            display_name: new.display_name,
            locale: new.locale,
            last_login_at: None,
            deleted_at: None,
        };
        let mut tx = self.0.db.write().await?;
        for role in &new.roles {
            if !store::role_exists(&mut tx, role).await? {
                return Err(UsersError::NoSuchRole(role.clone()));
            }
        }
        insert(&mut tx, &account, new.roles.iter().map(String::as_str)).await?;
        tx.commit().await?;
        self.get(account.base.id).await
    }

    /// Changes what a person may change about themselves.
    pub async fn update(
        &self,
        id: UserId,
        changes: Changes,
        if_match: &IfMatch,
    ) -> Result<Person, UsersError> {
        let mut tx = self.0.db.write().await?;
        let mut person = store::find(&mut tx, id).await?.ok_or(UsersError::NotFound)?;
        if_match.check(person.account.base.version).map_err(UsersError::Refused)?;
        let account = &mut person.account;
        account.display_name = changes.display_name.apply(account.display_name.take());
        account.locale = changes.locale.apply(account.locale);
        account.update(&mut tx, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(person)
    }

    /// Sets a password without asking for the old one, and ends all sessions: for operators.
    pub async fn set_password(&self, id: UserId, password: Password) -> Result<(), UsersError> {
        let email = self.get(id).await?.account.email;
        let hash = self.hash_new(password, &email).await?;
        self.alter(id, |account| {
            account.password_hash = Some(hash);
            if account.status == Status::Pending {
                account.status = Status::Active;
            }
        })
        .await
    }

    /// Suspends an account and ends its sessions.
    pub async fn suspend(&self, id: UserId) -> Result<(), UsersError> {
        self.alter(id, |account| account.status = Status::Suspended).await
    }

    /// Lifts a suspension, or activates an account that waits for its address to be verified.
    pub async fn activate(&self, id: UserId) -> Result<(), UsersError> {
        self.alter(id, |account| account.status = Status::Active).await
    }

    /// Deletes the caller's own account: their password is asked for once more. The address is free
    /// again at once, the row is purged later.
    pub async fn delete_own(&self, id: UserId, password: Password) -> Result<(), UsersError> {
        let account = self.get(id).await?.account;
        let stored = account.password_hash.map(|hash| hash.0);
        let claim = Claim { email: &account.email, stored, password, device: None };
        let proof = self.0.passwords.check(claim).await?;
        self.0.passwords.settle(proof).await?;
        let now = self.0.clock.now();
        self.alter(id, |account| {
            account.status = Status::Deleted;
            account.deleted_at = Some(now);
        })
        .await
    }

    /// How many active admins there are.
    pub async fn active_admins(&self) -> Result<i64, UsersError> {
        Ok(store::active_admins(&mut self.0.db.read().await?).await?)
    }

    /// The hash of a password that is good enough for the account `email`.
    pub async fn hash_new(&self, password: Password, email: &Email) -> Result<PasswordHash, UsersError> {
        let min = self.0.config.auth.password.min_length;
        strength::check(&password, email, service::NAME, min).map_err(UsersError::WeakPassword)?;
        Ok(PasswordHash(self.0.passwords.hash(password).await?))
    }

    async fn alter(&self, id: UserId, change: impl FnOnce(&mut Account)) -> Result<(), UsersError> {
        let mut tx = self.0.db.write().await?;
        self.alter_in(&mut tx, id, change).await?;
        Ok(tx.commit().await?)
    }

    /// Changes an account and ends its sessions, if an active admin remains.
    async fn alter_in(
        &self,
        tx: &mut Tx,
        id: UserId,
        change: impl FnOnce(&mut Account),
    ) -> Result<(), UsersError> {
        store::lock_admins(tx).await?;
        let before = store::active_admins(tx).await?;
        let mut account = store::find(tx, id).await?.ok_or(UsersError::NotFound)?.account;
        change(&mut account);
        account.update(tx, self.0.clock.now()).await?;
        if before > 0 && store::active_admins(tx).await? == 0 {
            return Err(UsersError::LastAdmin);
        }
        sessions::end_all(tx, id).await?;
        Ok(())
    }
}

/// Inserts an account with the role of everyone and `roles`.
pub async fn insert<'r>(
    tx: &mut Tx,
    account: &Account,
    roles: impl Iterator<Item = &'r str>,
) -> Result<(), UsersError> {
    match account.insert(tx).await {
        Err(DbError::Duplicate(_)) => return Err(UsersError::EmailTaken),
        inserted => inserted?,
    }
    for role in roles.chain([USER]) {
        store::add_role(tx, account.base.id, role).await?;
    }
    Ok(())
}
