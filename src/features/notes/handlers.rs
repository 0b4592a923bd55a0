//! The contract of notes over HTTP.

use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::error::NotesError;
use super::model::{Note, NoteChanges, NoteCreation, NoteId};
use super::service::{Notes, PageOf};
use super::store::{Filter, Sort};
use crate::access::caller::CurrentUser;
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::http::etag::{IfMatch, IfNoneMatch, Tagged};
use crate::http::extract::{Json, Path, Query};
use crate::http::idempotency::{Answer, Once};
use crate::http::page::{Limit, Listed, Page};
use crate::http::problem::ProblemBody;
use crate::http::reply::NoContent;

/// Which notes, in which order, from where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotesQuery {
    /// Whose notes: your own, or with `notes:read_all` those of anybody.
    owner_id: Option<UserId>,
    /// Made at this time or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    created_after: Option<Timestamp>,
    /// Made before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    created_before: Option<Timestamp>,
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    #[serde(default)]
    #[param(value_type = u8, minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Counts all that match, which takes time on long lists.
    #[serde(default)]
    include_total: bool,
}

impl NotesQuery {
    fn page_for(self, reader: UserId) -> PageOf {
        let Self { owner_id, created_after, created_before, sort, limit, cursor, include_total } = self;
        let filter = Filter { owner: owner_id.unwrap_or(reader), created_after, created_before, sort };
        PageOf { filter, limit, cursor, include_total }
    }
}

/// List notes.
///
/// Your own, newest first unless `sort` says otherwise. With the permission `notes:read_all`, `owner_id`
/// may name anybody.
#[utoipa::path(get, path = "/notes", operation_id = "list_notes", params(NotesQuery), responses(
    (status = OK, body = Page<Note>, headers(("Link" = String, description = "`rel=\"next\"`, if there is a next page"))),
    (status = FORBIDDEN, description = "`forbidden`: the notes of others need `notes:read_all`", body = ProblemBody)))]
pub async fn list_notes(
    State(notes): State<Notes>,
    caller: CurrentUser,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<NotesQuery>,
) -> Result<Listed<Note>, NotesError> {
    let page = notes.list(query.page_for(caller.user), &caller).await?;
    Ok(Listed { page: page.map(Note::from), uri })
}

/// Write a note.
#[utoipa::path(post, path = "/notes", operation_id = "create_note", request_body = NoteCreation, responses(
    (status = CREATED, body = Note, headers(("Location" = String, description = "The note's path"), ("ETag" = String, description = "For `If-Match`")))))]
pub async fn create_note(
    State(notes): State<Notes>,
    caller: CurrentUser,
    once: Once,
    Json(new): Json<NoteCreation>,
) -> Result<Answer, NotesError> {
    notes.create(new, caller.user, once).await
}

/// See a note.
///
/// Your own, or with the permission `notes:read_all` any.
#[utoipa::path(get, path = "/notes/{id}", operation_id = "get_note", params(("id" = NoteId, Path)), responses(
    (status = OK, body = Note, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = NOT_MODIFIED, description = "`If-None-Match` named this representation")))]
pub async fn get_note(
    State(notes): State<Notes>,
    caller: CurrentUser,
    Path(id): Path<NoteId>,
    known: IfNoneMatch,
) -> Result<Tagged<Note>, NotesError> {
    let note = notes.get(id, &caller).await?;
    Ok(Tagged { tag: note.tag(), body: note.into(), known })
}

/// Change a note of yours.
///
/// A JSON Merge Patch (RFC 7396): absent fields stay, `null` clears.
#[utoipa::path(patch, path = "/notes/{id}", operation_id = "update_note", params(("id" = NoteId, Path)), request_body = NoteChanges, responses(
    (status = OK, body = Note, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`")))))]
pub async fn update_note(
    State(notes): State<Notes>,
    caller: CurrentUser,
    Path(id): Path<NoteId>,
    if_match: IfMatch,
    Json(changes): Json<NoteChanges>,
) -> Result<Tagged<Note>, NotesError> {
    let note = notes.update(id, changes, &if_match, caller.user).await?;
    Ok(Tagged::fresh(note.tag(), note.into()))
}

/// Delete a note of yours.
#[utoipa::path(delete, path = "/notes/{id}", operation_id = "delete_note", params(("id" = NoteId, Path)), responses(
    (status = NO_CONTENT, description = "The note is gone")))]
pub async fn delete_note(
    State(notes): State<Notes>,
    caller: CurrentUser,
    Path(id): Path<NoteId>,
    if_match: IfMatch,
) -> Result<NoContent, NotesError> {
    notes.delete(id, &if_match, caller.user).await?;
    Ok(NoContent)
}
