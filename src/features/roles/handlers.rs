//! The contract of roles and permissions over HTTP.

use axum::extract::{OriginalUri, State};
use deserr::Deserr;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::error::RolesError;
use super::model::{Description, Held, Permission, PermissionNames, Role, RoleName};
use super::service::{Changes, NewRole, PageOf, Roles};
use crate::access::caller::Allowed;
use crate::access::origin::Origin;
use crate::access::principal::Actor;
use crate::http::etag::{IfMatch, IfNoneMatch, Tagged};
use crate::http::extract::patch::Change;
use crate::http::extract::{Faults, Json, Patch, Path, Query};
use crate::http::idempotency::{Answer, Once};
use crate::http::page::{Limit, Listed, Page};
use crate::http::problem::ProblemBody;
use crate::http::reply::NoContent;
use crate::permission;

permission!(pub ReadRoles = "roles:read", "See the roles, and the permissions there are");
permission!(pub WriteRoles = "roles:write", "Make, change and delete roles");

/// From where on, and how many.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RolesQuery {
    #[serde(default)]
    #[param(value_type = u8, minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Counts all there are.
    #[serde(default)]
    include_total: bool,
}

/// A role.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct RoleCreation {
    #[schema(example = "auditor")]
    name: RoleName,
    #[deserr(default)]
    #[schema(value_type = Option<Description>, example = "Reads the audit log")]
    description: Option<Description>,
    /// Nobody grants what they do not hold.
    #[deserr(default)]
    #[schema(value_type = Vec<String>, required = false, max_items = 200, example = json!([]))]
    permissions: PermissionNames,
}

/// What to change: absent fields stay, `null` clears.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct RoleChanges {
    #[deserr(default)]
    #[schema(value_type = Option<Description>, example = "Reads the audit log")]
    description: Patch<Description>,
    /// Exactly these, and no others.
    #[deserr(default)]
    #[schema(value_type = Vec<String>, required = false, max_items = 200, example = json!([]))]
    permissions: Change<PermissionNames>,
}

fn tagged(role: Held) -> Tagged<Role> {
    Tagged::fresh(role.tag(), role.into())
}

/// List roles, by name.
#[utoipa::path(get, path = "/roles", operation_id = "list_roles", params(RolesQuery), responses(
    (status = OK, body = Page<Role>, headers(("Link" = String, description = "`rel=\"next\"`, if there is a next page")))))]
pub async fn list_roles(
    State(roles): State<Roles>,
    _: Allowed<ReadRoles>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<RolesQuery>,
) -> Result<Listed<Role>, RolesError> {
    let page = roles.list(query.into()).await?;
    Ok(Listed { page: page.map(Role::from), uri })
}

/// Make a role.
#[utoipa::path(post, path = "/roles", operation_id = "create_role", request_body = RoleCreation, responses(
    (status = CREATED, body = Role, description = "The role", headers(("Location" = String, description = "The role's path"), ("ETag" = String, description = "For `If-Match`"))),
    (status = FORBIDDEN, description = "Nobody grants what they do not hold", body = ProblemBody),
    (status = CONFLICT, description = "`conflict`: the name is taken", body = ProblemBody)))]
pub async fn create_role(
    State(roles): State<Roles>,
    caller: Allowed<WriteRoles>,
    origin: Origin,
    once: Once,
    Json(new): Json<RoleCreation>,
) -> Result<Answer, RolesError> {
    roles.create_once(new.into(), &caller, &origin, once).await
}

/// See a role.
#[utoipa::path(get, path = "/roles/{name}", operation_id = "get_role", params(("name" = RoleName, Path)), responses(
    (status = OK, body = Role, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = NOT_MODIFIED, description = "`If-None-Match` named this representation")))]
pub async fn get_role(
    State(roles): State<Roles>,
    _: Allowed<ReadRoles>,
    Path(name): Path<RoleName>,
    known: IfNoneMatch,
) -> Result<Tagged<Role>, RolesError> {
    let role = roles.get(name.as_str()).await?;
    Ok(Tagged { tag: role.tag(), body: role.into(), known })
}

/// Change a role.
///
/// For everyone who holds it, at once. A JSON Merge Patch (RFC 7396): absent fields stay, `null` clears.
/// Nobody changes a role that permits what they may not.
#[utoipa::path(patch, path = "/roles/{name}", operation_id = "update_role", params(("name" = RoleName, Path)), request_body = RoleChanges, responses(
    (status = OK, body = Role, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))),
    (status = CONFLICT, description = "`conflict`: the role is built in", body = ProblemBody)))]
pub async fn update_role(
    State(roles): State<Roles>,
    caller: Allowed<WriteRoles>,
    origin: Origin,
    Path(name): Path<RoleName>,
    if_match: IfMatch,
    Json(changes): Json<RoleChanges>,
) -> Result<Tagged<Role>, RolesError> {
    let actor = Actor { principal: Some(&caller), origin: &origin };
    Ok(tagged(roles.update(name.as_str(), changes.into(), &if_match, actor).await?))
}

/// Delete a role that nobody holds.
///
/// Deleted accounts lose it, and do without it if they are restored.
#[utoipa::path(delete, path = "/roles/{name}", operation_id = "delete_role", params(("name" = RoleName, Path)), responses(
    (status = NO_CONTENT, description = "The role is deleted"),
    (status = CONFLICT, description = "`conflict`: the role is built in, or somebody holds it", body = ProblemBody)))]
pub async fn delete_role(
    State(roles): State<Roles>,
    caller: Allowed<WriteRoles>,
    origin: Origin,
    Path(name): Path<RoleName>,
    if_match: IfMatch,
) -> Result<NoContent, RolesError> {
    let actor = Actor { principal: Some(&caller), origin: &origin };
    roles.delete(name.as_str(), &if_match, actor).await?;
    Ok(NoContent)
}

/// List the permissions that roles can hold, by name.
#[utoipa::path(get, path = "/permissions", operation_id = "list_permissions", params(RolesQuery), responses(
    (status = OK, body = Page<Permission>, headers(("Link" = String, description = "`rel=\"next\"`, if there is a next page")))))]
pub async fn list_permissions(
    State(roles): State<Roles>,
    _: Allowed<ReadRoles>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<RolesQuery>,
) -> Result<Listed<Permission>, RolesError> {
    let page = roles.permissions(query.into())?;
    Ok(Listed { page: page.map(Permission::from), uri })
}

impl From<RolesQuery> for PageOf {
    fn from(RolesQuery { limit, cursor, include_total }: RolesQuery) -> Self {
        Self { limit, cursor, include_total }
    }
}

impl From<RoleCreation> for NewRole {
    fn from(new: RoleCreation) -> Self {
        Self {
            name: new.name.into_string(),
            description: new.description.map(Description::into_string).unwrap_or_default(),
            permissions: new.permissions.0,
        }
    }
}

impl From<RoleChanges> for Changes {
    fn from(changes: RoleChanges) -> Self {
        let description = match changes.description {
            Patch::Absent => None,
            Patch::Null => Some(String::new()),
            Patch::Value(text) => Some(text.into_string()),
        };
        Self { description, permissions: changes.permissions.0.map(|names| names.0) }
    }
}
