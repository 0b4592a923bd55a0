//! Register, login, refresh, logout.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::access::caller::CurrentUser;
use crate::access::origin::Origin;
use crate::base::language::Language;
use crate::features::auth::error::AuthError;
use crate::features::auth::model::{Login, Refresh, Registered, Registration, TokenPair};
use crate::features::auth::service::Auth;
use crate::features::users::choice::Chosen;
use crate::features::users::model::User;
use crate::http::extract::Json;
use crate::http::problem::ProblemBody;
use crate::http::reply::{Accepted, Created, NoContent};

/// Register an account.
///
/// Where addresses must be verified the answer is 202 whether the address is known or not, and a mail
/// says how to go on. Elsewhere the account is usable at once.
#[utoipa::path(post, path = "/auth/register", operation_id = "register_user", security(()), request_body = Registration, responses(
    (status = CREATED, body = User, description = "The account", headers(("Location" = String, description = "The account's path"), ("ETag" = String, description = "For `If-Match`"))),
    (status = ACCEPTED, description = "A mail is on its way"),
    (status = FORBIDDEN, description = "`registration_closed`: nobody can register by themselves", body = ProblemBody),
    (status = CONFLICT, description = "`email_taken`: the address has an account", body = ProblemBody)))]
pub async fn register(
    State(auth): State<Auth>,
    language: Language,
    origin: Origin,
    Chosen(new): Chosen<Registration>,
) -> Result<Response, AuthError> {
    Ok(match auth.register(new, language, &origin).await? {
        Registered::Active(person) => {
            let location = format!("/api/v1/users/{}", person.account.base.id);
            Created { location, tag: person.tag(), body: User::from(*person) }.into_response()
        }
        Registered::MailSent => Accepted.into_response(),
    })
}

/// Sign in with address and password.
///
/// An unknown address and a wrong password get the same answer. Every sign-in is a new session.
#[utoipa::path(post, path = "/auth/login", operation_id = "login_user", security(()), request_body = Login, responses(
    (status = OK, body = TokenPair),
    (status = UNAUTHORIZED, description = "`invalid_credentials`: unknown address or wrong password", body = ProblemBody),
    (status = FORBIDDEN, description = "The password was right: `email_not_verified`, `account_suspended`", body = ProblemBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`: too many wrong passwords", body = ProblemBody)))]
pub async fn login(
    State(auth): State<Auth>,
    origin: Origin,
    Json(login): Json<Login>,
) -> Result<Json<TokenPair>, AuthError> {
    Ok(Json(auth.login(login, &origin).await?))
}

/// Get the next pair of tokens.
///
/// The refresh token is used up. Presented again within a few seconds it gets the same successor, so a
/// lost answer or a second tab signs nobody out; later, it ends the session.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh_tokens", security(()), request_body = Refresh, responses(
    (status = OK, body = TokenPair),
    (status = UNAUTHORIZED, description = "`invalid_refresh_token`; `refresh_token_reused`: the session is over", body = ProblemBody)))]
pub async fn refresh(
    State(auth): State<Auth>,
    origin: Origin,
    Json(Refresh { refresh_token }): Json<Refresh>,
) -> Result<Json<TokenPair>, AuthError> {
    Ok(Json(auth.refresh(&refresh_token, &origin).await?))
}

/// Sign out of this session.
///
/// This session is over at once: neither its access token nor its refresh token is accepted any more.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logout_user", responses(
    (status = NO_CONTENT, description = "Signed out")))]
pub async fn logout(
    State(auth): State<Auth>,
    caller: CurrentUser,
    origin: Origin,
) -> Result<NoContent, AuthError> {
    auth.logout(&caller, &origin).await?;
    Ok(NoContent)
}
