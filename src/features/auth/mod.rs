//! Signing in: register, verify, login, refresh, logout, and one's sessions.

mod error;
mod handlers;
pub mod model;
pub mod service;
mod store;

use crate::http::feature::Feature;
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    Feature::new("auth", "Register, sign in, stay signed in, sign out").routes(routes![
        handlers::register,
        handlers::login,
        handlers::refresh,
        handlers::logout,
        handlers::verify_email,
        handlers::resend_verification,
        handlers::list_sessions,
        handlers::end_session,
        handlers::end_other_sessions,
    ])
}
