//! The contract of signing in over HTTP.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::error::AuthError;
use super::model::{Login, Refresh, Registration, Resend, Session, Sessions, TokenPair, Verification};
use super::service::{Auth, Registered};
use crate::access::caller::CurrentUser;
use crate::access::sessions::Origin;
use crate::base::id::SessionId;
use crate::base::language::Language;
use crate::features::users::model::User;
use crate::http::extract::{ClientAddress, Json, Path, UserAgent};
use crate::http::problem::ProblemBody;
use crate::http::reply::{Accepted, Created, NoContent};

/// Register.
///
/// Where addresses must be verified the answer is 202 whether the address is known or not, and a mail
/// says how to go on. Elsewhere the account is usable at once.
#[utoipa::path(post, path = "/auth/register", operation_id = "register", security(()), request_body = Registration, responses(
    (status = CREATED, body = User, description = "The account", headers(("Location" = String, description = "The account's path"))),
    (status = ACCEPTED, description = "A mail is on its way"),
    (status = FORBIDDEN, description = "`registration_closed`: nobody can register by themselves", body = ProblemBody),
    (status = CONFLICT, description = "`email_taken`: the address has an account", body = ProblemBody)))]
pub async fn register(
    State(auth): State<Auth>,
    language: Language,
    Json(new): Json<Registration>,
) -> Result<Response, AuthError> {
    Ok(match auth.register(new, language).await? {
        Registered::Active(person) => {
            let location = format!("/api/v1/users/{}", person.account.base.id);
            Created { location, body: User::from(*person) }.into_response()
        }
        Registered::MailSent => Accepted.into_response(),
    })
}

/// Sign in.
///
/// An unknown address and a wrong password get the same answer. Every sign-in is a new session.
#[utoipa::path(post, path = "/auth/login", operation_id = "login", security(()), request_body = Login, responses(
    (status = OK, body = TokenPair),
    (status = UNAUTHORIZED, description = "`invalid_credentials`: unknown address or wrong password", body = ProblemBody),
    (status = FORBIDDEN, description = "The password was right: `email_not_verified`, `account_suspended`", body = ProblemBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`: too many wrong passwords", body = ProblemBody)))]
pub async fn login(
    State(auth): State<Auth>,
    ClientAddress(ip): ClientAddress,
    UserAgent(user_agent): UserAgent,
    Json(login): Json<Login>,
) -> Result<Json<TokenPair>, AuthError> {
    let origin = Origin { ip: Some(ip), user_agent: Some(user_agent).filter(|text| !text.is_empty()) };
    Ok(Json(auth.login(login, &origin).await?))
}

/// Get the next pair of tokens.
///
/// The refresh token is used up. Presented again within a few seconds it gets the same successor, so a
/// lost answer or a second tab signs nobody out; later, it ends the session.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh", security(()), request_body = Refresh, responses(
    (status = OK, body = TokenPair),
    (status = UNAUTHORIZED, description = "`invalid_refresh_token`; `refresh_token_reused`: the session is over", body = ProblemBody)))]
pub async fn refresh(
    State(auth): State<Auth>,
    Json(Refresh { refresh_token }): Json<Refresh>,
) -> Result<Json<TokenPair>, AuthError> {
    Ok(Json(auth.refresh(&refresh_token).await?))
}

/// Sign out.
///
/// This session is over at once: neither its access token nor its refresh token is accepted any more.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logout", responses(
    (status = NO_CONTENT, description = "Signed out")))]
pub async fn logout(State(auth): State<Auth>, caller: CurrentUser) -> Result<NoContent, AuthError> {
    auth.logout(&caller).await?;
    Ok(NoContent)
}

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
    Json(given): Json<Verification>,
) -> Result<NoContent, AuthError> {
    auth.verify_email(given, caller.map(|c| c.user)).await?;
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

/// List your sessions.
#[utoipa::path(get, path = "/auth/sessions", operation_id = "list_sessions", responses((status = OK, body = Sessions)))]
pub async fn list_sessions(
    State(auth): State<Auth>,
    caller: CurrentUser,
) -> Result<Json<Sessions>, AuthError> {
    let rows = auth.sessions(caller.user).await?;
    let items = rows.into_iter().map(|row| Session::new(row, caller.session)).collect();
    Ok(Json(Sessions { items }))
}

/// End one of your sessions.
#[utoipa::path(delete, path = "/auth/sessions/{id}", operation_id = "end_session", params(("id" = SessionId, Path)), responses(
    (status = NO_CONTENT, description = "The session is over"),
    (status = NOT_FOUND, description = "`not_found`: you have no such session", body = ProblemBody)))]
pub async fn end_session(
    State(auth): State<Auth>,
    caller: CurrentUser,
    Path(id): Path<SessionId>,
) -> Result<NoContent, AuthError> {
    auth.end_session(caller.user, id).await?;
    Ok(NoContent)
}

/// End all your other sessions.
#[utoipa::path(delete, path = "/auth/sessions", operation_id = "end_other_sessions", responses(
    (status = NO_CONTENT, description = "Only this session is left")))]
pub async fn end_other_sessions(
    State(auth): State<Auth>,
    caller: CurrentUser,
) -> Result<NoContent, AuthError> {
    auth.end_other_sessions(&caller).await?;
    Ok(NoContent)
}
