//! Accounts: one's own, and those of others for whoever may see them.

pub mod error;
mod handlers;
pub mod model;
pub mod service;
pub mod store;

pub use handlers::DisplayName;

use crate::access::permission::declared;
use crate::http::feature::Feature;
use crate::permission;
use crate::routes;
use crate::state::AppState;

/// The name under which the service appears to people. No password may be made of it.
pub const SERVICE: &str = "Stead";

permission!(pub ReadUsers = "users:read", "See every account");

pub fn feature() -> Feature<AppState> {
    Feature::new("users", "Accounts: your own, and those of others if you may see them")
        .routes(routes![handlers::get_me, handlers::update_me, handlers::delete_me, handlers::list_users,])
        .permissions(&[declared::<ReadUsers>()])
}
