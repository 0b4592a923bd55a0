//! The accounts of newcomers: made, in a transaction that is given, or only tried out.

use std::collections::BTreeSet;

use super::check::{Key, Newcomer};
use super::import::ImportError;
use super::{Fault, store};
use crate::access::audit::Action;
use crate::access::permission::USER;
use crate::access::principal::Status;
use crate::base::id::UserId;
use crate::db::record::Base;
use crate::db::{DbError, Tx};
use crate::features::users::index;
use crate::features::users::model::Account;
use crate::features::users::service::Users;

/// How many were made.
pub struct Made {
    pub accounts: usize,
    pub invitations: usize,
}

impl Users {
    /// What would become of the newcomers.
    pub(super) async fn try_out(
        &self,
        newcomers: Vec<Newcomer>,
        invite: bool,
        faults: &mut Vec<Fault>,
    ) -> Result<Made, ImportError> {
        let emails: Vec<_> = newcomers.iter().map(|newcomer| &newcomer.email).collect();
        let taken = store::taken(&mut self.0.db.read().await?, &emails).await?;
        let (refused, good): (Vec<_>, Vec<_>) =
            newcomers.iter().partition(|newcomer| newcomer.repeated || taken.contains(&newcomer.email));
        faults.extend(refused.into_iter().map(not_free));
        let is_invited = |newcomer: &&&Newcomer| {
            invite && newcomer.status == Status::Pending && matches!(newcomer.key, Key::None)
        };
        Ok(Made { accounts: good.len(), invitations: good.iter().filter(is_invited).count() })
    }

    /// Makes the accounts of all newcomers whose addresses are free.
    pub(super) async fn make_all(
        &self,
        tx: &mut Tx,
        newcomers: Vec<Newcomer>,
        invite: bool,
        faults: &mut Vec<Fault>,
    ) -> Result<Made, ImportError> {
        let accounts: Vec<Account> = newcomers.iter().map(|newcomer| self.account(newcomer)).collect();
        let inserted = store::insert_free(tx, &accounts).await?;
        let all = newcomers.iter().zip(&accounts);
        let (made, refused): (Vec<_>, Vec<_>) =
            all.partition(|(_, account)| inserted.contains(&account.base.id));
        faults.extend(refused.into_iter().map(|(newcomer, _)| not_free(newcomer)));
        self.equip(tx, &made).await?;
        let mut invitations = 0;
        for (_, account) in made.iter().filter(|(_, account)| invite && account.is_invited()) {
            self.invite(tx, account).await?;
            invitations += 1;
        }
        Ok(Made { accounts: made.len(), invitations })
    }

    /// Roles, terms and entries of the audit log of accounts that were just made.
    async fn equip(&self, tx: &mut Tx, made: &[(&Newcomer, &Account)]) -> Result<(), ImportError> {
        let ids: Vec<UserId> = made.iter().map(|(_, account)| account.base.id).collect();
        let mut roles = Vec::new();
        let mut terms = Vec::new();
        for ((newcomer, _), id) in made.iter().zip(&ids) {
            let named: BTreeSet<&str> = newcomer.roles.iter().map(String::as_str).chain([USER]).collect();
            roles.extend(named.into_iter().map(|role| (*id, role)));
            terms.extend(newcomer.terms.iter().map(|term| (*id, term.as_str())));
        }
        match store::give_roles(tx, &roles).await {
            Err(DbError::Dangling(_)) => return Err(ImportError::RoleGone),
            given => given?,
        }
        // In the order of the index, which is written faster so.
        terms.sort_unstable_by_key(|(_, term)| *term);
        index::add(tx, &terms).await?;
        Ok(self.0.audit.record_each(tx, Action::UserCreated, &ids).await?)
    }

    fn account(&self, newcomer: &Newcomer) -> Account {
        let hash = match &newcomer.key {
            Key::Hash(hash) => Some(hash.clone()),
            Key::Password(_) | Key::None => None,
        };
        Account {
            base: Base::new(UserId::fresh(&self.0.clock, &self.0.random), self.0.clock.now()),
            email: newcomer.email.clone(),
            email_verified: newcomer.email_verified,
            password_hash: hash,
            display_name: newcomer.display_name.clone(),
            locale: newcomer.locale,
            status: newcomer.status,
            last_login_at: None,
            deleted_at: None,
        }
    }
}

fn not_free(newcomer: &Newcomer) -> Fault {
    let (code, message) = match newcomer.repeated {
        true => ("duplicate_email", "a line before this one has the address"),
        false => ("email_taken", "the address has an account"),
    };
    Fault::new(newcomer.line, "email", code, message)
}
