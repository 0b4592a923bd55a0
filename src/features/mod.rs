//! Floor 9: the features, one folder each. A feature may use those above it in this list.
//!
//! To add one: its line here, its line in [`all`]. To remove one: the same two lines, its folder, its
//! test and its migration.

pub mod metrics;
pub mod health;
pub mod jwks;
pub mod audit;
pub mod roles;
pub mod users;
pub mod auth;
pub mod notes;
pub mod mailbox;
pub mod log_level;
pub mod pages;

use crate::http::feature::Feature;
use crate::state::AppState;

/// What is served and documented, in reading order.
pub fn all() -> Vec<Feature<AppState>> {
    vec![
        auth::feature(),
        users::feature(),
        roles::feature(),
        notes::feature(),
        audit::feature(),
        jwks::feature(),
        health::feature(),
    ]
}
