//! Accounts: one's own, and those of others for whoever may see and change them.

mod administration;
pub mod choice;
mod creation;
pub mod error;
mod export;
mod handlers;
pub mod index;
pub mod list;
pub mod model;
pub mod permission;
mod purge;
pub mod search;
pub mod service;
pub mod store;
pub mod transfer;
pub mod upkeep;

use self::handlers::{administration as others, list as everyone, me};
use self::permission::{AssignRoles, DeleteUsers, ReadUsers, WriteUsers};
use crate::access::permission::declared;
use crate::http::feature::Feature;
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    Feature::new("users", "Accounts: your own, and those of others if you may see them")
        .routes(routes![me::get_me, me::update_me, me::delete_me, me::export_me, everyone::list_users])
        .routes(routes![
            others::create_user,
            others::get_user,
            others::update_user,
            others::delete_user,
            others::suspend_user,
            others::activate_user,
            others::restore_user,
            others::assign_roles,
            others::list_user_sessions,
            others::end_user_sessions,
        ])
        .permissions(&[
            declared::<ReadUsers>(),
            declared::<WriteUsers>(),
            declared::<DeleteUsers>(),
            declared::<AssignRoles>(),
        ])
}
