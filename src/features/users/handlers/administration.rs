//! The accounts of others, for whoever may see or change them.

use std::collections::BTreeSet;

use axum::extract::State;
use deserr::Deserr;
use utoipa::ToSchema;

use super::me::ProfileChanges;
use crate::access::caller::Allowed;
use crate::access::origin::Origin;
use crate::access::permission::Permission;
use crate::access::principal::Actor;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::base::language::Language;
use crate::base::secret::Password;
use crate::features::roles::model::RoleName;
use crate::features::users::choice::{Choice, Chosen};
use crate::features::users::error::UsersError;
use crate::features::users::model::{DisplayName, Person, RoleNames, Sessions, User};
use crate::features::users::permission::{AssignRoles, DeleteUsers, ReadUsers, WriteUsers};
use crate::features::users::service::{NewUser, Users};
use crate::http::etag::{IfMatch, IfNoneMatch, Tagged};
use crate::http::extract::{Faults, Json, Path};
use crate::http::idempotency::{Answer, Once};
use crate::http::problem::ProblemBody;
use crate::http::reply::NoContent;

/// An account for somebody.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct UserCreation {
    email: Email,
    #[deserr(default)]
    #[schema(value_type = Option<DisplayName>, example = "Ada Lovelace")]
    display_name: Option<DisplayName>,
    #[deserr(default)]
    locale: Option<Language>,
    /// Given beside `user`, which every new account has; takes `roles:assign`, too.
    #[deserr(default)]
    #[schema(value_type = Vec<RoleName>, required = false, max_items = 50, example = json!([]))]
    roles: Option<RoleNames>,
    /// Without one, a mail invites the person to choose it.
    #[deserr(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 1024)]
    password: Option<Password>,
}

impl Choice for UserCreation {
    const FIELD: &'static str = "password";
}

/// The roles that an account is to have, and no others.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct RoleAssignment {
    /// Exactly these: a role that is not here is taken, `user` too.
    #[schema(value_type = Vec<RoleName>, max_items = 50, example = json!(["user"]))]
    roles: RoleNames,
}

fn actor<'a, P>(caller: &'a Allowed<P>, origin: &'a Origin) -> Actor<'a> {
    Actor { principal: Some(caller), origin }
}

fn names(roles: RoleNames) -> BTreeSet<String> {
    roles.0.into_iter().map(RoleName::into_string).collect()
}

fn tagged(person: Person) -> Tagged<User> {
    Tagged::fresh(person.tag(), person.into())
}

/// Make an account.
#[utoipa::path(post, path = "/users", operation_id = "create_user", request_body = UserCreation, responses(
    (status = CREATED, body = User, description = "The account", headers(("Location" = String, description = "The account's path"), ("ETag" = String, description = "For `If-Match`"))),
    (status = FORBIDDEN, description = "The roles need `roles:assign`, and nobody grants what they do not hold", body = ProblemBody),
    (status = CONFLICT, description = "`email_taken`: the address has an account", body = ProblemBody),
    (status = UNPROCESSABLE_ENTITY, description = "`weak_password`: the password is too weak", body = ProblemBody)))]
pub async fn create_user(
    State(users): State<Users>,
    caller: Allowed<WriteUsers>,
    origin: Origin,
    once: Once,
    Chosen(new): Chosen<UserCreation>,
) -> Result<Answer, UsersError> {
    if new.roles.is_some() && !caller.may(AssignRoles::NAME) {
        return Err(UsersError::Beyond);
    }
    users.create_once(new.into(), &caller, &origin, once).await
}

/// See an account.
#[utoipa::path(get, path = "/users/{id}", operation_id = "get_user", params(("id" = UserId, Path)), responses(
    (status = OK, body = User, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = NOT_MODIFIED, description = "`If-None-Match` named this representation")))]
pub async fn get_user(
    State(users): State<Users>,
    _: Allowed<ReadUsers>,
    Path(id): Path<UserId>,
    known: IfNoneMatch,
) -> Result<Tagged<User>, UsersError> {
    let person = users.get(id).await?;
    Ok(Tagged { tag: person.tag(), body: person.into(), known })
}

/// Change an account.
///
/// A JSON Merge Patch (RFC 7396): absent fields stay, `null` clears.
#[utoipa::path(patch, path = "/users/{id}", operation_id = "update_user", params(("id" = UserId, Path)), request_body = ProfileChanges, responses(
    (status = OK, body = User, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = CONFLICT, description = "`conflict`: somebody changed it at the same moment", body = ProblemBody)))]
pub async fn update_user(
    State(users): State<Users>,
    caller: Allowed<WriteUsers>,
    origin: Origin,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(changes): Json<ProfileChanges>,
) -> Result<Tagged<User>, UsersError> {
    Ok(tagged(users.update(id, changes.into(), &if_match, actor(&caller, &origin)).await?))
}

/// Delete an account.
///
/// Its sessions end at once and its address is free again; it can be restored for a while.
#[utoipa::path(delete, path = "/users/{id}", operation_id = "delete_user", params(("id" = UserId, Path)), responses(
    (status = NO_CONTENT, description = "The account is deleted"),
    (status = CONFLICT, description = "`last_admin`: the last active admin must stay", body = ProblemBody)))]
pub async fn delete_user(
    State(users): State<Users>,
    caller: Allowed<DeleteUsers>,
    origin: Origin,
    Path(id): Path<UserId>,
    if_match: IfMatch,
) -> Result<NoContent, UsersError> {
    users.delete(id, &if_match, actor(&caller, &origin)).await?;
    Ok(NoContent)
}

/// Suspend an account.
///
/// Its sessions end at once.
#[utoipa::path(post, path = "/users/{id}/suspend", operation_id = "suspend_user", params(("id" = UserId, Path)), responses(
    (status = OK, body = User),
    (status = CONFLICT, description = "`last_admin`: the last active admin must stay", body = ProblemBody)))]
pub async fn suspend_user(
    State(users): State<Users>,
    caller: Allowed<WriteUsers>,
    origin: Origin,
    Path(id): Path<UserId>,
    if_match: IfMatch,
) -> Result<Tagged<User>, UsersError> {
    Ok(tagged(users.suspend(id, &if_match, actor(&caller, &origin)).await?))
}

/// Activate a suspended or pending account.
#[utoipa::path(post, path = "/users/{id}/activate", operation_id = "activate_user", params(("id" = UserId, Path)), responses(
    (status = OK, body = User)))]
pub async fn activate_user(
    State(users): State<Users>,
    caller: Allowed<WriteUsers>,
    origin: Origin,
    Path(id): Path<UserId>,
    if_match: IfMatch,
) -> Result<Tagged<User>, UsersError> {
    Ok(tagged(users.activate(id, &if_match, actor(&caller, &origin)).await?))
}

/// Restore a deleted account.
#[utoipa::path(post, path = "/users/{id}/restore", operation_id = "restore_user", params(("id" = UserId, Path)), responses(
    (status = OK, body = User),
    (status = CONFLICT, description = "`email_taken`: another account has the address by now", body = ProblemBody)))]
pub async fn restore_user(
    State(users): State<Users>,
    caller: Allowed<WriteUsers>,
    origin: Origin,
    Path(id): Path<UserId>,
) -> Result<Tagged<User>, UsersError> {
    Ok(tagged(users.restore(id, actor(&caller, &origin)).await?))
}

/// Give an account roles.
///
/// Exactly these. Nobody grants what they do not hold.
#[utoipa::path(put, path = "/users/{id}/roles", operation_id = "assign_roles", params(("id" = UserId, Path)), request_body = RoleAssignment, responses(
    (status = OK, body = User, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = CONFLICT, description = "`last_admin`: the last active admin must stay", body = ProblemBody)))]
pub async fn assign_roles(
    State(users): State<Users>,
    caller: Allowed<AssignRoles>,
    origin: Origin,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(RoleAssignment { roles }): Json<RoleAssignment>,
) -> Result<Tagged<User>, UsersError> {
    Ok(tagged(users.assign_roles(id, names(roles), &if_match, actor(&caller, &origin)).await?))
}

/// List a user's sessions.
#[utoipa::path(get, path = "/users/{id}/sessions", operation_id = "list_user_sessions", params(("id" = UserId, Path)), responses(
    (status = OK, body = Sessions)))]
pub async fn list_user_sessions(
    State(users): State<Users>,
    caller: Allowed<WriteUsers>,
    origin: Origin,
    Path(id): Path<UserId>,
) -> Result<Json<Sessions>, UsersError> {
    let rows = users.sessions(id, actor(&caller, &origin)).await?;
    Ok(Json(Sessions::new(rows, caller.session)))
}

/// End all sessions of a user.
#[utoipa::path(delete, path = "/users/{id}/sessions", operation_id = "end_user_sessions", params(("id" = UserId, Path)), responses(
    (status = NO_CONTENT, description = "The user is signed out everywhere")))]
pub async fn end_user_sessions(
    State(users): State<Users>,
    caller: Allowed<WriteUsers>,
    origin: Origin,
    Path(id): Path<UserId>,
) -> Result<NoContent, UsersError> {
    users.end_sessions(id, actor(&caller, &origin)).await?;
    Ok(NoContent)
}

impl From<UserCreation> for NewUser {
    fn from(new: UserCreation) -> Self {
        Self {
            email: new.email,
            password: new.password,
            display_name: new.display_name.map(DisplayName::into_string),
            locale: new.locale,
            roles: names(new.roles.unwrap_or_default()),
        }
    }
}
