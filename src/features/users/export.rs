//! Everything that is held about a person, for that person: written while it is sent.

use std::collections::BTreeMap;
use std::future::ready;

use futures_util::TryStreamExt;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use serde::Serialize;
use serde_json::Value;

use super::error::UsersError;
use super::model::{Session, Sessions, User};
use super::service::Users;
use super::store;
use crate::access::principal::Principal;
use crate::access::sessions;
use crate::http::holding::Pages;
use crate::http::{Code, Problem};
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

type Piece = Result<Vec<u8>, Problem>;

impl Users {
    /// An `Export` in pieces. What accounts hold themselves is little, and read now; what features hold is
    /// read while the pieces before it are sent.
    pub async fn held_about(&self, caller: &Principal) -> Result<BoxStream<'static, Piece>, UsersError> {
        let (state, user, session) = (self.0.clone(), caller.user, caller.session);
        let holdings = state.holdings.iter();
        let parts: Vec<_> = holdings.map(|h| part(h.name, h.read(state.clone(), user))).collect();
        let document =
            piece(self.opening(caller).await?).chain(stream::iter(parts).flatten()).chain(piece("}"));
        let watched = document.and_then(move |piece| {
            let state = state.clone();
            async move { Ok(state.access.is_still(session).await.map(|()| piece)?) }
        });
        Ok(watched.boxed())
    }

    /// The document up to where the members of features begin.
    async fn opening(&self, caller: &Principal) -> Result<Vec<u8>, UsersError> {
        let (state, now) = (&self.0, self.0.clock.now());
        let mut db = state.db.read().await?;
        let account = store::find(&mut db, caller.user).await?.ok_or(UsersError::NotFound)?.into();
        let rows = sessions::of_user(&mut db, caller.user, now).await?;
        let links = held::links(&mut db, caller.user, now).await?;
        let mails = state.outbox.pending(&mut db, caller.user).await?;
        let sessions = Sessions::new(rows, caller.session).items;
        let export = Export { account, sessions, links, mails, others: BTreeMap::new() };
        let mut json = serde_json::to_vec(&export)
            .map_err(|error| UsersError::Refused(Problem::new(Code::INTERNAL_ERROR).caused_by(error)))?;
        // Its closing brace.
        json.pop();
        Ok(json)
    }
}

/// One list: `,"notes":[…]`.
fn part(name: &str, pages: Pages) -> BoxStream<'static, Piece> {
    let items = pages.enumerate().map(|(at, page)| match page {
        Ok(page) if at > 0 => Ok([b",", page.as_slice()].concat()),
        page => page,
    });
    piece(format!(",\"{name}\":[")).chain(items).chain(piece("]")).boxed()
}

fn piece(json: impl Into<Vec<u8>>) -> impl Stream<Item = Piece> {
    stream::once(ready(Ok(json.into())))
}
