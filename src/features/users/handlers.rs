//! The contract of accounts over HTTP.

use axum::extract::{OriginalUri, State};
use deserr::Deserr;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::error::{UsersError, too_long};
use super::model::{DisplayName, Person, User};
use super::permission::ReadUsers;
use super::service::{Changes, PageOf, Users};
use super::store::{Filter, Sort};
use crate::access::caller::{Allowed, CurrentUser};
use crate::access::principal::Status;
use crate::access::strength::MAX_LENGTH;
use crate::base::clock::Timestamp;
use crate::base::language::Language;
use crate::base::secret::Password;
use crate::http::etag::{IfMatch, IfNoneMatch, Tagged};
use crate::http::extract::{Faults, Json, Patch, Query};
use crate::http::page::{Limit, Listed, Page};
use crate::http::problem::ProblemBody;
use crate::http::reply::NoContent;

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

/// Which accounts, in which order, from where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    status: Option<Status>,
    /// The name of a role.
    role: Option<String>,
    /// Made at this time or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    created_after: Option<Timestamp>,
    /// Made before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    created_before: Option<Timestamp>,
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
    #[serde(default)]
    #[param(value_type = u8, minimum = 1, maximum = 100, default = 20, required = false)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Counts all that match, which takes time on long lists.
    #[serde(default)]
    include_total: bool,
}

/// Your own account.
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
    if_match: IfMatch,
    Json(changes): Json<ProfileChanges>,
) -> Result<Tagged<User>, UsersError> {
    let person = users.update(caller.user, changes.into(), &if_match).await?;
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
    Json(Confirmation { password }): Json<Confirmation>,
) -> Result<NoContent, UsersError> {
    if password.code_points() > MAX_LENGTH {
        return Err(UsersError::Refused(too_long("/password")));
    }
    users.delete_own(caller.user, password).await?;
    Ok(NoContent)
}

/// List accounts.
///
/// Newest first unless `sort` says otherwise. Deleted accounts show only with `status=deleted`.
#[utoipa::path(get, path = "/users", operation_id = "list_users", params(UsersQuery), responses(
    (status = OK, body = Page<User>, headers(("Link" = String, description = "`rel=\"next\"`, if there is a next page")))))]
pub async fn list_users(
    State(users): State<Users>,
    _: Allowed<ReadUsers>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<UsersQuery>,
) -> Result<Listed<User>, UsersError> {
    let page = users.list(query.into()).await?;
    Ok(Listed { page: page.map(Person::into), uri })
}

impl From<ProfileChanges> for Changes {
    fn from(changes: ProfileChanges) -> Self {
        let display_name = match changes.display_name {
            Patch::Absent => Patch::Absent,
            Patch::Null => Patch::Null,
            Patch::Value(name) => Patch::Value(name.into_string()),
        };
        Self { display_name, locale: changes.locale }
    }
}

impl From<UsersQuery> for PageOf {
    fn from(query: UsersQuery) -> Self {
        let UsersQuery { status, role, created_after, created_before, sort, limit, cursor, include_total } =
            query;
        let filter = Filter { status, role, created_after, created_before, sort };
        Self { filter, limit, cursor, include_total }
    }
}
