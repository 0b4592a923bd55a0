//! Notes: what somebody writes down for themselves. The example of a resource that has an owner.

mod error;
mod handlers;
pub mod model;
pub mod service;
mod store;

use self::model::Note;
use self::service::ReadAllNotes;
use crate::access::permission::declared;
use crate::base::id::UserId;
use crate::http::feature::{Feature, Held};
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    Feature::new("notes", "What you write down for yourself: nobody else changes it")
        .routes(routes![
            handlers::list_notes,
            handlers::create_note,
            handlers::get_note,
            handlers::update_note,
            handlers::delete_note,
        ])
        .permissions(&[declared::<ReadAllNotes>()])
        .holds("notes", held)
}

/// What stands in somebody's export.
fn held(state: AppState, user: UserId) -> Held {
    Box::pin(async move {
        let rows = store::all_of(&mut state.db.read().await?, user).await?;
        let notes: Vec<_> = rows.into_iter().map(Note::from).collect();
        Ok(serde_json::json!(notes))
    })
}
