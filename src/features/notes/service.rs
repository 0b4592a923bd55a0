//! What is done with notes: whose they are is decided here.

use axum::extract::FromRef;

use super::error::NotesError;
use super::model::{Body, Note, NoteChanges, NoteCreation, NoteId, NoteRow, Title};
use super::store::{self, Filter, Position};
use crate::access::permission::Permission;
use crate::access::principal::Principal;
use crate::base::id::UserId;
use crate::db::record::{Base, Record};
use crate::http::etag::IfMatch;
use crate::http::idempotency::{Answer, Once};
use crate::http::page::{Limit, Page};
use crate::http::reply::Created;
use crate::permission;
use crate::state::AppState;

permission!(pub ReadAllNotes = "notes:read_all", "Read everybody's notes");

/// The service of notes.
#[derive(Clone)]
pub struct Notes(AppState);

impl FromRef<AppState> for Notes {
    fn from_ref(state: &AppState) -> Self {
        Self(state.clone())
    }
}

/// Which page of which list.
pub struct PageOf {
    pub filter: Filter,
    pub limit: Limit,
    pub cursor: Option<String>,
    pub include_total: bool,
}

const LIST: &str = "notes";

impl Notes {
    /// One page of somebody's notes, with a cursor to the next.
    pub async fn list(&self, page: PageOf, reader: &Principal) -> Result<Page<NoteRow>, NotesError> {
        let PageOf { filter, limit, cursor, include_total } = page;
        if !may_read(reader, filter.owner) {
            return Err(NotesError::Forbidden);
        }
        let decode = |cursor: String| self.0.cursors.decode::<Position>(LIST, &filter, &cursor);
        let after = cursor.map(decode).transpose().map_err(NotesError::Refused)?;
        let mut db = self.0.db.read().await?;
        let rows = store::list(&mut db, &filter, after, limit.probe()).await?;
        let mut page =
            Page::cut(rows, limit, |last| self.0.cursors.encode(LIST, &filter, &Position::of(last)))?;
        if include_total {
            page.total = Some(store::count(&mut db, &filter).await?);
        }
        Ok(page)
    }

    pub async fn create(&self, new: NoteCreation, owner: UserId, once: Once) -> Result<Answer, NotesError> {
        let note = NoteRow {
            base: Base::new(NoteId::fresh(&self.0.clock, &self.0.random), self.0.clock.now()),
            owner_id: owner,
            title: new.title.into_string(),
            body: new.body.map(Body::into_string),
        };
        let effect = async |tx: &mut _| {
            note.insert(tx).await?;
            let location = format!("/api/v1/notes/{}", note.base.id);
            Ok(Created { location, tag: note.tag(), body: Note::from(note) })
        };
        self.0.idempotency.once(once, owner, effect).await
    }

    pub async fn get(&self, id: NoteId, reader: &Principal) -> Result<NoteRow, NotesError> {
        let note = NoteRow::find(&mut self.0.db.read().await?, id).await?;
        note.filter(|note| may_read(reader, note.owner_id)).ok_or(NotesError::NotFound)
    }

    pub async fn update(
        &self,
        id: NoteId,
        changes: NoteChanges,
        if_match: &IfMatch,
        owner: UserId,
    ) -> Result<NoteRow, NotesError> {
        let mut tx = self.0.db.write().await?;
        let mut note = store::hold(&mut tx, id, owner).await?.ok_or(NotesError::NotFound)?;
        if_match.check(note.base.version).map_err(NotesError::Refused)?;
        note.title = changes.title.map(Title::into_string).apply(note.title);
        note.body = changes.body.map(Body::into_string).apply(note.body);
        note.update(&mut tx, self.0.clock.now()).await?;
        tx.commit().await?;
        Ok(note)
    }

    pub async fn delete(&self, id: NoteId, if_match: &IfMatch, owner: UserId) -> Result<(), NotesError> {
        let mut tx = self.0.db.write().await?;
        let note = store::hold(&mut tx, id, owner).await?.ok_or(NotesError::NotFound)?;
        if_match.check(note.base.version).map_err(NotesError::Refused)?;
        NoteRow::delete(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }
}

fn may_read(reader: &Principal, owner: UserId) -> bool {
    reader.user == owner || reader.may(ReadAllNotes::NAME)
}
