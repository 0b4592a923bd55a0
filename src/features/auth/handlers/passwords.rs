//! Passwords: change, forgotten, reset.

use axum::extract::State;

use crate::access::caller::CurrentUser;
use crate::access::origin::Origin;
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{Forgotten, KnownDevice, PasswordChange, PasswordReset};
use crate::features::auth::service::Auth;
use crate::features::users::choice::Chosen;
use crate::http::extract::Json;
use crate::http::problem::ProblemBody;
use crate::http::reply::{Accepted, NoContent};

/// Change your password.
///
/// All your other sessions end.
#[utoipa::path(post, path = "/auth/password/change", operation_id = "change_password", request_body = PasswordChange, responses(
    (status = NO_CONTENT, description = "The password is changed"),
    (status = UNAUTHORIZED, description = "`invalid_credentials`: the current password is wrong", body = ProblemBody),
    (status = CONFLICT, description = "`conflict`: the account was changed at the same moment", body = ProblemBody),
    (status = UNPROCESSABLE_ENTITY, description = "`weak_password`: the new password is too weak", body = ProblemBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`: too many wrong passwords", body = ProblemBody)))]
pub async fn change_password(
    State(auth): State<Auth>,
    caller: CurrentUser,
    origin: Origin,
    Chosen(given): Chosen<PasswordChange>,
) -> Result<NoContent, AuthError> {
    auth.change_password(&caller, given, &origin).await?;
    Ok(NoContent)
}

/// Ask for a link to choose a new password.
///
/// Always 202, whether the address has an account or not.
#[utoipa::path(post, path = "/auth/password/forgot", operation_id = "request_password_reset", security(()), request_body = Forgotten, responses(
    (status = ACCEPTED, description = "If the address has an account, a mail is on its way")))]
pub async fn forgot_password(
    State(auth): State<Auth>,
    origin: Origin,
    Json(Forgotten { email }): Json<Forgotten>,
) -> Result<Accepted, AuthError> {
    auth.forgot_password(&email, &origin).await?;
    Ok(Accepted)
}

/// Choose a new password with a mailed token.
///
/// The token of a reset or of an invitation. All sessions end, and nobody is signed in: sign in with the
/// new password.
#[utoipa::path(post, path = "/auth/password/reset", operation_id = "reset_password", security(()), request_body = PasswordReset, responses(
    (status = OK, body = KnownDevice, description = "The password is set"),
    (status = CONFLICT, description = "`conflict`: the account was changed at the same moment", body = ProblemBody),
    (status = UNPROCESSABLE_ENTITY, description = "`invalid_or_expired_token`; `weak_password`: the token stays valid", body = ProblemBody)))]
pub async fn reset_password(
    State(auth): State<Auth>,
    origin: Origin,
    Chosen(given): Chosen<PasswordReset>,
) -> Result<Json<KnownDevice>, AuthError> {
    let device_token = auth.reset_password(given, &origin).await?;
    Ok(Json(KnownDevice { device_token }))
}
