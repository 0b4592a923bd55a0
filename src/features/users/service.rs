//! What is done with accounts. Handlers, commands and tests call the same.

use std::collections::BTreeSet;

use axum::extract::FromRef;

use super::error::UsersError;
use super::list::{self, Filter, Found, Position};
use super::model::{Account, PasswordHash, Person};
use super::store;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::password::{Claim, NewPasswordError, Standing};
use crate::access::permission::USER;
use crate::access::principal::{self, Actor, Principal, Status};
use crate::access::strength::{Measure, Weakness};
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::base::language::Language;
use crate::base::secret::Password;
use crate::base::service;
use crate::db::{DbError, Session, Tx};
use crate::http::etag::IfMatch;
use crate::http::extract::Patch;
use crate::http::page::{Limit, Page};
use crate::state::AppState;

/// The service of accounts.
#[derive(Clone)]
pub struct Users(pub(super) AppState);

impl FromRef<AppState> for Users {
    fn from_ref(state: &AppState) -> Self {
        Self(state.clone())
    }
}

/// An account to be made for somebody.
pub struct NewUser {
    pub email: Email,
    /// Without one the person is invited to choose it.
    pub password: Option<Password>,
    pub display_name: Option<String>,
    pub locale: Option<Language>,
    /// Beside the role of everyone.
    pub roles: BTreeSet<String>,
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
        let rows = list::page(&mut db, &filter, after.as_ref(), limit.probe()).await?;
        let cursor = |last: &Found| self.0.cursors.encode(LIST, &filter, &Position::of(last, &filter));
        let mut page = Page::cut(rows, limit, cursor)?;
        if include_total {
            page.total = Some(list::count(&mut db, &filter).await?);
        }
        let ids: Vec<_> = page.items.iter().map(|found| found.account.base.id).collect();
        let mut roles = store::roles_of(&mut db, &ids).await?;
        let mut roles = |id| roles.remove(&id).unwrap_or_default();
        Ok(page.map(|Found { account, .. }| Person { roles: roles(account.base.id), account }))
    }

    /// Changes what people may change about themselves, whoever does it.
    pub async fn update(
        &self,
        id: UserId,
        changes: Changes,
        if_match: &IfMatch,
        actor: Actor<'_>,
    ) -> Result<Person, UsersError> {
        let mut tx = self.0.db.write().await?;
        store::lock(&mut tx, id).await?;
        self.0.access.confirm(&mut tx, actor).await?;
        let mut person = self.reach(&mut tx, id, actor).await?;
        if_match.check(person.account.base.version).map_err(UsersError::Refused)?;
        let account = &mut person.account;
        account.display_name = changes.display_name.apply(account.display_name.take());
        account.locale = changes.locale.apply(account.locale);
        store::save(&mut tx, account, self.0.clock.now()).await?;
        self.record(&mut tx, Action::UserUpdated, id, actor).await?;
        tx.commit().await?;
        Ok(person)
    }

    /// Deletes the caller's own account: their password is asked for once more. The address is free
    /// again at once, the row is purged later.
    pub async fn delete_own(
        &self,
        caller: &Principal,
        password: Password,
        origin: &Origin,
    ) -> Result<(), UsersError> {
        let id = caller.user;
        let account = self.get(id).await?.account;
        let stored = account.password_hash.map(|hash| hash.0);
        let standing = Standing::Session(caller.session);
        let claim = Claim { email: &account.email, stored, password, standing, subject: Some(id) };
        let proof = self.0.passwords.check(claim, origin).await?;
        self.0.passwords.settle(proof).await?;
        self.delete(id, &IfMatch::default(), Actor { principal: Some(caller), origin }).await
    }

    /// How many admins with this status there are.
    pub async fn admins(&self, status: Status) -> Result<i64, UsersError> {
        Ok(store::admins(&mut self.0.db.read().await?, status).await?)
    }

    /// The hash of a password, at `pointer` of the body, that is good enough for the account `email`.
    pub async fn hash_new(
        &self,
        password: Password,
        email: &Email,
        pointer: &'static str,
    ) -> Result<PasswordHash, UsersError> {
        let hash = self.0.passwords.hash(password, self.measure(Some(email))).await;
        hash.map(PasswordHash).map_err(|error| not_taken(error, pointer))
    }

    /// Whether `password`, at `pointer` of the body, is good enough for the account `email`.
    pub async fn check_new(
        &self,
        password: Password,
        email: &Email,
        pointer: &'static str,
    ) -> Result<(), UsersError> {
        let found = self.0.passwords.measure(password, self.measure(Some(email))).await;
        found.map_err(|error| not_taken(error, pointer))
    }

    /// What is weak about a password, if it can be said now.
    pub(super) async fn weakness(&self, password: Password, email: Option<Email>) -> Option<Weakness> {
        match self.0.passwords.measure(password, self.measure(email.as_ref())).await {
            Err(NewPasswordError::Weak(weakness)) => Some(weakness),
            _ => None,
        }
    }

    /// What a new password of the account `email` is measured by.
    fn measure(&self, email: Option<&Email>) -> Measure {
        let min_length = self.0.config.auth.password.min_length;
        Measure { email: email.cloned(), service: service::NAME, min_length }
    }

    /// An account that is not deleted and that `actor` may act on: it holds nothing that they lack.
    pub(super) async fn reach(
        &self,
        db: &mut Session,
        id: UserId,
        actor: Actor<'_>,
    ) -> Result<Person, UsersError> {
        let person = store::find(db, id).await?.ok_or(UsersError::NotFound)?;
        if actor.id() != Some(id) && !actor.covers(&principal::grants_of_user(db, id).await?) {
            return Err(UsersError::Beyond);
        }
        Ok(person)
    }

    pub(super) async fn record(
        &self,
        tx: &mut Tx,
        action: Action,
        subject: UserId,
        actor: Actor<'_>,
    ) -> Result<(), DbError> {
        self.0.audit.record(tx, action, actor.id(), Some(subject), actor.origin).await
    }
}

fn not_taken(error: NewPasswordError, pointer: &'static str) -> UsersError {
    match error {
        NewPasswordError::Weak(weakness) => UsersError::WeakPassword { pointer, weakness },
        NewPasswordError::Busy(error) => error.into(),
    }
}

/// Inserts an account with the role of everyone and `roles`.
pub async fn insert<'r>(
    tx: &mut Tx,
    account: &Account,
    roles: impl Iterator<Item = &'r str>,
) -> Result<(), UsersError> {
    if !store::insert_if_free(tx, account).await? {
        return Err(UsersError::EmailTaken);
    }
    give_roles(tx, account.base.id, roles.chain([USER])).await
}

/// Gives an account roles, beside those that it has.
pub async fn give_roles<'r>(
    tx: &mut Tx,
    user: UserId,
    roles: impl Iterator<Item = &'r str>,
) -> Result<(), UsersError> {
    for role in roles {
        match store::add_role(tx, user, role).await {
            // Deleted since it was looked for.
            Err(DbError::Dangling(_)) => return Err(UsersError::NoSuchRole(role.to_owned())),
            given => given?,
        }
    }
    Ok(())
}
