//! Addresses: verify, resend, change, cancel a change.

use axum::extract::State;

use crate::access::caller::CurrentUser;
use crate::access::origin::Origin;
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{Cancellation, EmailChange, Resend, Verification};
use crate::features::auth::service::Auth;
use crate::http::extract::Json;
use crate::http::problem::ProblemBody;
use crate::http::reply::{Accepted, NoContent};

/// Verify an address.
///
/// With the account's password, or with the account's own bearer token.
#[utoipa::path(post, path = "/auth/email/verify", operation_id = "verify_email", security((), ("bearer" = [])), request_body = Verification, responses(
    (status = NO_CONTENT, description = "The address is verified"),
    (status = UNAUTHORIZED, description = "`invalid_credentials`: the password is wrong; the token stays valid", body = ProblemBody),
    (status = UNPROCESSABLE_ENTITY, description = "`invalid_or_expired_token`", body = ProblemBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`: too many wrong passwords", body = ProblemBody)))]
pub async fn verify_email(
    State(auth): State<Auth>,
    caller: Option<CurrentUser>,
    origin: Origin,
    Json(given): Json<Verification>,
) -> Result<NoContent, AuthError> {
    auth.verify_email(given, caller.as_deref(), &origin).await?;
    Ok(NoContent)
}

/// Send the verification mail once more.
///
/// Always 202, whether the address waits for a mail or not.
#[utoipa::path(post, path = "/auth/email/verify/resend", operation_id = "resend_verification", security(()), request_body = Resend, responses(
    (status = ACCEPTED, description = "If the address waits for a mail, it is on its way")))]
pub async fn resend_verification(
    State(auth): State<Auth>,
    Json(Resend { email }): Json<Resend>,
) -> Result<Accepted, AuthError> {
    auth.resend_verification(&email).await?;
    Ok(Accepted)
}

/// Change your address.
///
/// A link goes to the new address, a notice with a way back to the old one. Nothing changes until the
/// link is followed.
#[utoipa::path(post, path = "/auth/email/change", operation_id = "change_email", request_body = EmailChange, responses(
    (status = ACCEPTED, description = "The mails are on their way"),
    (status = UNAUTHORIZED, description = "`invalid_credentials`: the password is wrong", body = ProblemBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`: too many wrong passwords", body = ProblemBody)))]
pub async fn change_email(
    State(auth): State<Auth>,
    caller: CurrentUser,
    origin: Origin,
    Json(given): Json<EmailChange>,
) -> Result<Accepted, AuthError> {
    auth.change_email(&caller, given, &origin).await?;
    Ok(Accepted)
}

/// Keep the old address, or get it back.
///
/// With the token of the notice, before or after the change took place. All sessions end, the password
/// is void, and a mail to the address lets its owner choose another. An account that took the address in
/// the meantime and never verified it is deleted.
#[utoipa::path(post, path = "/auth/email/change/cancel", operation_id = "cancel_email_change", security(()), request_body = Cancellation, responses(
    (status = NO_CONTENT, description = "The account has its old address"),
    (status = CONFLICT, description = "`email_taken`: another account has the address by now", body = ProblemBody),
    (status = UNPROCESSABLE_ENTITY, description = "`invalid_or_expired_token`", body = ProblemBody)))]
pub async fn cancel_email_change(
    State(auth): State<Auth>,
    origin: Origin,
    Json(Cancellation { token }): Json<Cancellation>,
) -> Result<NoContent, AuthError> {
    auth.cancel_email_change(&token, &origin).await?;
    Ok(NoContent)
}
