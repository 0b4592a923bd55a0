//! How accounts are made for somebody: with a password, or by an invitation.

use std::collections::BTreeSet;

use super::error::UsersError;
use super::model::{Account, Person, User};
use super::service::{self, NewUser, Users};
use super::store;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::principal::{Actor, Principal, Status};
use crate::base::id::UserId;
use crate::db::Tx;
use crate::db::record::Base;
use crate::http::idempotency::{Answer, Once};
use crate::http::reply::Created;
use crate::mail::{Letter, Mail, Purpose};

impl Users {
    /// Makes an account: active with a password, invited by mail without one. The link of the invitation
    /// comes back, too, for whoever hands it over by themselves.
    pub async fn create(
        &self,
        new: NewUser,
        actor: Actor<'_>,
    ) -> Result<(Person, Option<String>), UsersError> {
        let (account, roles) = self.draft(new).await?;
        let mut tx = self.0.db.write().await?;
        let made = self.make(&mut tx, account, &roles, actor).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The same for a request that may come twice.
    pub async fn create_once(
        &self,
        new: NewUser,
        caller: &Principal,
        origin: &Origin,
        once: Once,
    ) -> Result<Answer, UsersError> {
        let (account, roles) = self.draft(new).await?;
        let actor = Actor { principal: Some(caller), origin };
        let effect = async |tx: &mut Tx| {
            let (person, _) = self.make(tx, account, &roles, actor).await?;
            let location = format!("/api/v1/users/{}", person.account.base.id);
            Ok(Created { location, tag: person.tag(), body: User::from(person) })
        };
        self.0.idempotency.once(once, caller.user, effect).await
    }

    /// An account to be, and its roles: what is slow about making it.
    async fn draft(&self, new: NewUser) -> Result<(Account, BTreeSet<String>), UsersError> {
        let hash = match new.password {
            Some(password) => Some(self.hash_new(password, &new.email, "/password").await?),
            None => None,
        };
        let account = Account {
            base: Base::new(UserId::fresh(&self.0.clock, &self.0.random), self.0.clock.now()),
            // Whoever makes the account vouches for the address; an invited person shows it by the link.
            email_verified: hash.is_some(),
            status: if hash.is_some() { Status::Active } else { Status::Pending },
            email: new.email,
            password_hash: hash,
            display_name: new.display_name,
            locale: new.locale,
            last_login_at: None,
            deleted_at: None,
        };
        Ok((account, new.roles))
    }

    async fn make(
        &self,
        tx: &mut Tx,
        account: Account,
        roles: &BTreeSet<String>,
        actor: Actor<'_>,
    ) -> Result<(Person, Option<String>), UsersError> {
        self.0.access.confirm(tx, actor).await?;
        self.grantable(tx, roles, actor).await?;
        service::insert(tx, &account, roles.iter().map(String::as_str)).await?;
        let invitation = match account.password_hash {
            Some(_) => None,
            None => Some(self.invite(tx, &account).await?),
        };
        self.record(tx, Action::UserCreated, account.base.id, actor).await?;
        let person = store::find(tx, account.base.id).await?.ok_or(UsersError::NotFound)?;
        Ok((person, invitation))
    }

    /// Mails an account without a password a link to choose one; an earlier link is no longer valid.
    pub async fn invite(&self, tx: &mut Tx, account: &Account) -> Result<String, UsersError> {
        let outbox = &self.0.outbox;
        let token = outbox.issue_token(tx, Purpose::Invitation, account.base.id, &account.email).await?;
        let letter = Letter::Invitation { token };
        let link = outbox.link(&letter).unwrap_or_default();
        let mail = Mail { to: account.email.clone(), language: account.locale.unwrap_or_default(), letter };
        outbox.queue(tx, account.base.id, &mail).await?;
        Ok(link)
    }
}
