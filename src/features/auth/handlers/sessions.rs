//! One's own sessions.

use axum::extract::State;

use crate::access::caller::CurrentUser;
use crate::access::origin::Origin;
use crate::base::id::SessionId;
use crate::features::auth::error::AuthError;
use crate::features::auth::service::Auth;
use crate::features::users::model::Sessions;
use crate::http::extract::{Json, Path};
use crate::http::problem::ProblemBody;
use crate::http::reply::NoContent;

/// List your sessions.
#[utoipa::path(get, path = "/auth/sessions", operation_id = "list_sessions", responses((status = OK, body = Sessions)))]
pub async fn list_sessions(
    State(auth): State<Auth>,
    caller: CurrentUser,
) -> Result<Json<Sessions>, AuthError> {
    let rows = auth.sessions(caller.user).await?;
    Ok(Json(Sessions::new(rows, caller.session)))
}

/// End one of your sessions.
#[utoipa::path(delete, path = "/auth/sessions/{id}", operation_id = "end_session", params(("id" = SessionId, Path)), responses(
    (status = NO_CONTENT, description = "The session is over"),
    (status = NOT_FOUND, description = "`not_found`: you have no such session", body = ProblemBody)))]
pub async fn end_session(
    State(auth): State<Auth>,
    caller: CurrentUser,
    origin: Origin,
    Path(id): Path<SessionId>,
) -> Result<NoContent, AuthError> {
    auth.end_session(&caller, id, &origin).await?;
    Ok(NoContent)
}

/// End all your other sessions.
#[utoipa::path(delete, path = "/auth/sessions", operation_id = "end_other_sessions", responses(
    (status = NO_CONTENT, description = "Only this session is left")))]
pub async fn end_other_sessions(
    State(auth): State<Auth>,
    caller: CurrentUser,
    origin: Origin,
) -> Result<NoContent, AuthError> {
    auth.end_other_sessions(&caller, &origin).await?;
    Ok(NoContent)
}
