//! Accounts: one's own, and those of others for whoever may see them.

pub mod error;
mod handlers;
pub mod model;
pub mod permission;
pub mod service;
pub mod store;

use self::permission::ReadUsers;
use crate::access::permission::declared;
use crate::http::feature::Feature;
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    Feature::new("users", "Accounts: your own, and those of others if you may see them")
        .routes(routes![handlers::get_me, handlers::update_me, handlers::delete_me, handlers::list_users,])
        .permissions(&[declared::<ReadUsers>()])
}
