//! What operations people do with the accounts of others: suspend, restore, delete, and give roles.
//! Commands and the API call the same.

use std::collections::BTreeSet;

use super::error::UsersError;
use super::model::{Account, Person};
use super::service::{self, Users};
use super::store;
use crate::access::audit::Action;
use crate::access::principal::{self, Actor, Status};
use crate::access::sessions::{self, SessionRow};
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::base::secret::Password;
use crate::db::record::Record;
use crate::db::{DbError, Tx};
use crate::http::etag::IfMatch;
use crate::mail::{Letter, Mail, token, way_back};

impl Users {
    /// Sets a password without asking for the old one, and ends all sessions: for operators at the
    /// terminal only, since nobody should know the password of another.
    pub async fn set_password(
        &self,
        id: UserId,
        password: Password,
        actor: Actor<'_>,
    ) -> Result<(), UsersError> {
        let email = self.get(id).await?.account.email;
        let hash = self.hash_new(password, &email, "/password").await?;
        let change = |account: &mut Account| {
            account.password_hash = Some(hash);
            if account.status == Status::Pending {
                account.status = Status::Active;
            }
        };
        self.alter(id, Action::PasswordChanged, &IfMatch::default(), actor, change).await.map(drop)
    }

    /// Suspends an account and ends its sessions.
    pub async fn suspend(
        &self,
        id: UserId,
        if_match: &IfMatch,
        actor: Actor<'_>,
    ) -> Result<Person, UsersError> {
        self.alter(id, Action::UserSuspended, if_match, actor, |account| account.status = Status::Suspended)
            .await
    }

    /// Lifts a suspension, or activates an account that waits for its address to be verified.
    pub async fn activate(
        &self,
        id: UserId,
        if_match: &IfMatch,
        actor: Actor<'_>,
    ) -> Result<Person, UsersError> {
        self.alter(id, Action::UserActivated, if_match, actor, |account| account.status = Status::Active)
            .await
    }

    /// Deletes an account: sessions end at once and the address is free again; the row stays for a
    /// while, to be restored.
    pub async fn delete(&self, id: UserId, if_match: &IfMatch, actor: Actor<'_>) -> Result<(), UsersError> {
        let now = self.0.clock.now();
        // The status stays for whoever restores it: a suspension is not lifted by that.
        let change = |account: &mut Account| account.deleted_at = Some(now);
        self.alter(id, Action::UserDeleted, if_match, actor, change).await.map(drop)
    }

    /// The deleted accounts that had an address.
    pub async fn deleted(&self, email: &Email) -> Result<Vec<Account>, UsersError> {
        Ok(store::deleted(&mut self.0.db.read().await?, email).await?)
    }

    /// Brings a deleted account back as it was, if nobody has its address by now.
    pub async fn restore(&self, id: UserId, actor: Actor<'_>) -> Result<Person, UsersError> {
        let mut tx = self.0.db.write().await?;
        store::lock_admins(&mut tx).await?;
        store::lock(&mut tx, id).await?;
        self.0.access.confirm(&mut tx, actor).await?;
        let mut account = Account::find(&mut tx, id).await?.ok_or(UsersError::NotFound)?;
        if !actor.covers(&principal::grants_of_user(&mut tx, id).await?) {
            return Err(UsersError::Beyond);
        }
        if account.deleted_at.take().is_some() {
            // Who registered the address since and never showed that it is theirs does not keep it; who was
            // invited to it does.
            let squatters = |other: &Account| other.status == Status::Pending && !other.is_invited();
            self.make_way(&mut tx, &account.email, squatters, actor).await?;
            match store::save(&mut tx, &mut account, self.0.clock.now()).await {
                Err(DbError::Duplicate(_)) => return Err(UsersError::EmailTaken),
                updated => updated?,
            }
            self.record(&mut tx, Action::UserRestored, id, actor).await?;
        }
        // By the same connection: whoever held this one and waited for another could stop all others.
        let person = store::find(&mut tx, id).await?.ok_or(UsersError::NotFound)?;
        tx.commit().await?;
        Ok(person)
    }

    /// Gives an account exactly these roles.
    pub async fn assign_roles(
        &self,
        id: UserId,
        roles: BTreeSet<String>,
        if_match: &IfMatch,
        actor: Actor<'_>,
    ) -> Result<Person, UsersError> {
        let mut tx = self.0.db.write().await?;
        store::lock_admins(&mut tx).await?;
        store::lock(&mut tx, id).await?;
        self.0.access.confirm(&mut tx, actor).await?;
        let mut account = self.reach(&mut tx, id, actor).await?.account;
        if_match.check(account.base.version).map_err(UsersError::Refused)?;
        self.grantable(&mut tx, &roles, actor).await?;
        let before = store::active_admins(&mut tx).await?;
        store::take_roles(&mut tx, id).await?;
        service::give_roles(&mut tx, id, roles.iter().map(String::as_str)).await?;
        store::save(&mut tx, &mut account, self.0.clock.now()).await?;
        self.keep_an_admin(&mut tx, before).await?;
        self.record(&mut tx, Action::RolesChanged, id, actor).await?;
        tx.commit().await?;
        self.get(id).await
    }

    /// Another user's sessions, newest first.
    pub async fn sessions(&self, id: UserId, actor: Actor<'_>) -> Result<Vec<SessionRow>, UsersError> {
        let mut db = self.0.db.read().await?;
        self.reach(&mut db, id, actor).await?;
        Ok(sessions::of_user(&mut db, id, self.0.clock.now()).await?)
    }

    /// Ends all sessions of another user; says how many.
    pub async fn end_sessions(&self, id: UserId, actor: Actor<'_>) -> Result<u64, UsersError> {
        let mut tx = self.0.db.write().await?;
        self.0.access.confirm(&mut tx, actor).await?;
        self.reach(&mut tx, id, actor).await?;
        let ended = sessions::end_all(&mut tx, id).await?;
        self.record(&mut tx, Action::SessionEnded, id, actor).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Ends all sessions of everybody; says how many. For operators at the terminal.
    pub async fn end_everyones_sessions(&self, actor: Actor<'_>) -> Result<u64, UsersError> {
        let mut tx = self.0.db.write().await?;
        let ended = sessions::end_everyones(&mut tx).await?;
        self.0.audit.record(&mut tx, Action::AllSessionsEnded, actor.id(), None, actor.origin).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Changes an account and ends its sessions, if an active admin remains.
    async fn alter(
        &self,
        id: UserId,
        action: Action,
        if_match: &IfMatch,
        actor: Actor<'_>,
        change: impl FnOnce(&mut Account),
    ) -> Result<Person, UsersError> {
        let mut tx = self.0.db.write().await?;
        store::lock_admins(&mut tx).await?;
        // Waits for whoever changes the account now, and then sees what they made of it: nothing is
        // refused for being based on an older version but what names one.
        store::lock(&mut tx, id).await?;
        self.0.access.confirm(&mut tx, actor).await?;
        let before = store::active_admins(&mut tx).await?;
        let mut person = self.reach(&mut tx, id, actor).await?;
        if_match.check(person.account.base.version).map_err(UsersError::Refused)?;
        change(&mut person.account);
        store::save(&mut tx, &mut person.account, self.0.clock.now()).await?;
        self.keep_an_admin(&mut tx, before).await?;
        // Who was suspended has no sessions; who was active all along keeps theirs.
        if action != Action::UserActivated {
            sessions::end_all(&mut tx, id).await?;
        }
        if person.account.current_status() != Status::Active || action == Action::PasswordChanged {
            token::void_all(&mut tx, id).await?;
        }
        // A suspension keeps the ways back: who suspends an account that was taken over does not thereby
        // take it from its owner. They are of no use until it is lifted.
        if person.account.deleted_at.is_some() {
            way_back::void_all(&mut tx, id).await?;
        }
        if action == Action::PasswordChanged {
            self.tell_of_password(&mut tx, &person.account).await?;
        }
        self.record(&mut tx, action, id, actor).await?;
        tx.commit().await?;
        Ok(person)
    }

    /// The owner hears of a password that they did not choose, and what was guessed at the old one counts
    /// no more.
    async fn tell_of_password(&self, tx: &mut Tx, account: &Account) -> Result<(), UsersError> {
        self.0.passwords.vouch(tx, &account.email).await?;
        let (to, language) = (account.email.clone(), account.locale.unwrap_or_default());
        let mail = Mail { to, language, letter: Letter::PasswordChanged };
        Ok(self.0.outbox.queue(tx, account.base.id, &mail).await?)
    }

    /// Deletes the account that stands at an address, if it `yields` to somebody with a better right. The
    /// caller holds [`store::lock_admins`].
    pub async fn make_way(
        &self,
        tx: &mut Tx,
        email: &Email,
        yields: impl Fn(&Account) -> bool,
        actor: Actor<'_>,
    ) -> Result<(), UsersError> {
        let Some(other) = store::find_by_email(tx, email).await? else { return Ok(()) };
        let id = other.base.id;
        store::lock(tx, id).await?;
        // It may have been verified, or moved, by whoever held the lock.
        let Some(Person { account: mut other, .. }) = store::find(tx, id).await? else { return Ok(()) };
        if other.email != *email || !yields(&other) {
            return Ok(());
        }
        if !actor.covers(&principal::grants_of_user(tx, id).await?) {
            return Err(UsersError::Beyond);
        }
        let before = store::active_admins(tx).await?;
        let now = self.0.clock.now();
        other.deleted_at = Some(now);
        store::save(tx, &mut other, now).await?;
        self.keep_an_admin(tx, before).await?;
        sessions::end_all(tx, id).await?;
        token::void_all(tx, id).await?;
        way_back::void_all(tx, id).await?;
        Ok(self.record(tx, Action::UserDeleted, id, actor).await?)
    }

    async fn keep_an_admin(&self, tx: &mut Tx, before: i64) -> Result<(), UsersError> {
        match before > 0 && store::active_admins(tx).await? == 0 {
            true => Err(UsersError::LastAdmin),
            false => Ok(()),
        }
    }

    /// Roles that exist and that grant nothing the actor lacks.
    pub(super) async fn grantable(
        &self,
        tx: &mut Tx,
        roles: &BTreeSet<String>,
        actor: Actor<'_>,
    ) -> Result<(), UsersError> {
        let grants = principal::grants_of_roles(tx, roles).await?;
        if let Some(unknown) = roles.difference(&grants.roles).next() {
            return Err(UsersError::NoSuchRole(unknown.clone()));
        }
        if actor.covers(&grants) { Ok(()) } else { Err(UsersError::Beyond) }
    }
}
