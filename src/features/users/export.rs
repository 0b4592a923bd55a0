//! Everything that is held about a person, for that person.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::error::UsersError;
use super::model::{Session, Sessions, User};
use super::service::Users;
use super::store;
use crate::access::principal::Principal;
use crate::access::sessions;
use crate::mail::held::{self, Link, Pending};

/// What is held about you, without what would let anybody sign in.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Export {
    pub account: User,
    /// Where you are signed in.
    pub sessions: Vec<Session>,
    /// Links that were mailed and are good still.
    pub links: Vec<Link>,
    /// Mails that wait to be sent.
    pub mails: Vec<Pending>,
    /// What features hold, each under its name.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

impl Users {
    pub async fn held_about(&self, caller: &Principal) -> Result<Export, UsersError> {
        let (state, now) = (&self.0, self.0.clock.now());
        let mut db = state.db.read().await?;
        let account = store::find(&mut db, caller.user).await?.ok_or(UsersError::NotFound)?.into();
        let rows = sessions::of_user(&mut db, caller.user, now).await?;
        let links = held::links(&mut db, caller.user, now).await?;
        let mails = state.outbox.pending(&mut db, caller.user).await?;
        // Others may need the only connection there is.
        drop(db);
        let mut others = BTreeMap::new();
        for holding in &state.holdings {
            let held = (holding.read)(state.clone(), caller.user).await.map_err(UsersError::Refused)?;
            others.insert(holding.name.to_owned(), held);
        }
        let sessions = Sessions::new(rows, caller.session).items;
        Ok(Export { account, sessions, links, mails, others })
    }
}
