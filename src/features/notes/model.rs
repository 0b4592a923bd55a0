//! A note, as the table has it and as the API takes and shows it.

use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::db::record::Base;
use crate::http::etag::Tag;
use crate::http::extract::{Change, Faults, Patch, Prose, Text};
use crate::{id_type, record};

id_type!(
    /// A note.
    NoteId
);

/// One line of 1 to 200 characters.
pub type Title = Text<1, 200>;
/// Lines of at most 10,000 characters in all.
pub type Body = Prose<0, 10_000>;

/// A row of `notes`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct NoteRow {
    #[sqlx(flatten)]
    pub base: Base<NoteId>,
    pub owner_id: UserId,
    pub title: String,
    pub body: Option<String>,
}

record!(NoteRow, NoteId, "notes", [owner_id, title, body]);

impl NoteRow {
    pub fn tag(&self) -> Tag {
        Tag::new(self.base.version, "")
    }
}

/// Something written down.
#[derive(Debug, Serialize, ToSchema)]
pub struct Note {
    pub id: NoteId,
    pub owner_id: UserId,
    #[schema(example = "Groceries")]
    pub title: String,
    #[schema(required = true, example = "Bread and\ncheese")]
    pub body: Option<String>,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub updated_at: Timestamp,
}

impl From<NoteRow> for Note {
    fn from(NoteRow { base, owner_id, title, body }: NoteRow) -> Self {
        let Base { id, created_at, updated_at, .. } = base;
        Self { id, owner_id, title, body, created_at, updated_at }
    }
}

/// A note to be.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NoteCreation {
    #[schema(value_type = Title, example = "Groceries")]
    pub title: Title,
    #[deserr(default)]
    #[schema(value_type = Option<Body>, example = "Bread and\ncheese")]
    pub body: Option<Body>,
}

/// What to change: absent fields stay, `null` clears.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NoteChanges {
    #[deserr(default)]
    #[schema(value_type = Title, required = false, example = "Groceries")]
    pub title: Change<Title>,
    #[deserr(default)]
    #[schema(value_type = Option<Body>, example = "Bread and\ncheese")]
    pub body: Patch<Body>,
}
