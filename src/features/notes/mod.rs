//! Notes: what somebody writes down for themselves. The example of a resource that has an owner.

mod error;
mod handlers;
pub mod model;
pub mod service;
mod store;

use self::model::Note;
use self::service::ReadAllNotes;
use self::store::{Filter, Position, Sort};
use crate::access::permission::declared;
use crate::base::id::UserId;
use crate::http::Problem;
use crate::http::feature::Feature;
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

/// What stands in somebody's export, oldest first.
async fn held(
    state: AppState,
    user: UserId,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<(Position, Note)>, Problem> {
    let filter = Filter { owner: user, created_after: None, created_before: None, sort: Sort::CreatedAt };
    let rows = store::list(&mut state.db.read().await?, &filter, after, limit).await?;
    Ok(rows.into_iter().map(|row| (Position::of(&row), row.into())).collect())
}
