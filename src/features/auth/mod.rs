//! Signing in: register, login, refresh, logout; one's sessions, password and address.

pub mod error;
mod handlers;
pub mod model;
pub mod service;

use self::handlers::{emails, passwords, sessions, sign_in};
use crate::http::feature::Feature;
use crate::routes;
use crate::state::AppState;

pub fn feature() -> Feature<AppState> {
    Feature::new("auth", "Register, sign in, stay signed in, sign out").limited().routes(routes![
        sign_in::register,
        sign_in::login,
        sign_in::refresh,
        sign_in::logout,
        sessions::list_sessions,
        sessions::end_session,
        sessions::end_other_sessions,
        passwords::change_password,
        passwords::forgot_password,
        passwords::reset_password,
        emails::verify_email,
        emails::resend_verification,
        emails::change_email,
        emails::cancel_email_change,
    ])
}
