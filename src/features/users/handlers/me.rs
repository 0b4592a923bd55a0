//! One's own account.

use axum::extract::State;
use deserr::Deserr;
use utoipa::ToSchema;

use crate::access::caller::CurrentUser;
use crate::access::origin::Origin;
use crate::access::principal::Actor;
use crate::base::language::Language;
use crate::base::secret::Password;
use crate::features::users::error::UsersError;
use crate::features::users::export::Export;
use crate::features::users::model::{DisplayName, User};
use crate::features::users::service::{Changes, Users};
use crate::http::etag::{IfMatch, IfNoneMatch, Tagged};
use crate::http::extract::{Faults, Json, Patch};
use crate::http::problem::ProblemBody;
use crate::http::reply::{NoContent, Pieces};

/// What to change: absent fields stay, `null` clears.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ProfileChanges {
    #[deserr(default)]
    #[schema(value_type = Option<DisplayName>, example = "Ada Lovelace")]
    display_name: Patch<DisplayName>,
    #[deserr(default)]
    #[schema(value_type = Option<Language>)]
    locale: Patch<Language>,
}

/// The password, asked for once more.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Confirmation {
    #[schema(value_type = String, format = Password, max_length = 1024, example = "correct horse battery staple")]
    password: Password,
}

/// See your own account.
#[utoipa::path(get, path = "/users/me", operation_id = "get_me", responses(
    (status = OK, body = User, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = NOT_MODIFIED, description = "`If-None-Match` named this representation")))]
pub async fn get_me(
    State(users): State<Users>,
    caller: CurrentUser,
    known: IfNoneMatch,
) -> Result<Tagged<User>, UsersError> {
    let person = users.get(caller.user).await?;
    Ok(Tagged { tag: person.tag(), body: person.into(), known })
}

/// Change your own account.
///
/// A JSON Merge Patch (RFC 7396): absent fields stay, `null` clears.
#[utoipa::path(patch, path = "/users/me", operation_id = "update_me", request_body = ProfileChanges, responses(
    (status = OK, body = User, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = CONFLICT, description = "`conflict`: somebody changed it at the same moment", body = ProblemBody)))]
pub async fn update_me(
    State(users): State<Users>,
    caller: CurrentUser,
    origin: Origin,
    if_match: IfMatch,
    Json(changes): Json<ProfileChanges>,
) -> Result<Tagged<User>, UsersError> {
    let person = users
        .update(caller.user, changes.into(), &if_match, Actor { principal: Some(&caller), origin: &origin })
        .await?;
    Ok(Tagged::fresh(person.tag(), person.into()))
}

/// Delete your own account.
///
/// All sessions end at once and the address is free again.
#[utoipa::path(delete, path = "/users/me", operation_id = "delete_me", request_body = Confirmation, responses(
    (status = NO_CONTENT, description = "The account is deleted"),
    (status = UNAUTHORIZED, description = "`invalid_credentials`: the password is wrong", body = ProblemBody),
    (status = CONFLICT, description = "`last_admin`: the last active admin must stay", body = ProblemBody),
    (status = TOO_MANY_REQUESTS, description = "`too_many_attempts`: too many wrong passwords", body = ProblemBody)))]
pub async fn delete_me(
    State(users): State<Users>,
    caller: CurrentUser,
    origin: Origin,
    Json(Confirmation { password }): Json<Confirmation>,
) -> Result<NoContent, UsersError> {
    users.delete_own(&caller, password, &origin).await?;
    Ok(NoContent)
}

/// Export everything that is held about you.
///
/// Features add members of their own, such as `notes`. Of passwords, tokens and devices nothing is in it by
/// which anybody could sign in. It is written while it is sent: if it cannot be finished, or you are signed out
/// meanwhile, the connection is cut, and what came is no JSON.
#[utoipa::path(get, path = "/users/me/export", operation_id = "export_me", responses(
    (status = OK, body = Export)))]
pub async fn export_me(State(users): State<Users>, caller: CurrentUser) -> Result<Pieces, UsersError> {
    users.held_about(&caller).await.map(Pieces)
}

impl From<ProfileChanges> for Changes {
    fn from(changes: ProfileChanges) -> Self {
        Self { display_name: changes.display_name.map(DisplayName::into_string), locale: changes.locale }
    }
}
