//! Roles: named sets of permissions. The permissions themselves are declared by the features, in code.

pub mod error;
mod handlers;
pub mod model;
pub mod service;
pub mod store;

use self::handlers::{ReadRoles, WriteRoles};
use crate::access::permission::declared;
use crate::http::feature::Feature;
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    Feature::new("roles", "Roles, and the permissions that they hold")
        .routes(routes![
            handlers::list_roles,
            handlers::create_role,
            handlers::get_role,
            handlers::update_role,
            handlers::delete_role,
            handlers::list_permissions,
        ])
        .permissions(&[declared::<ReadRoles>(), declared::<WriteRoles>()])
}
