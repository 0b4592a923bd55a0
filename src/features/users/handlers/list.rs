//! The list of accounts.

use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::caller::Allowed;
use crate::access::principal::Status;
use crate::base::clock::Timestamp;
use crate::features::roles::model::RoleName;
use crate::features::users::error::UsersError;
use crate::features::users::model::{Person, User};
use crate::features::users::permission::ReadUsers;
use crate::features::users::service::{PageOf, Users};
use crate::features::users::store::{Filter, Sort};
use crate::http::extract::Query;
use crate::http::page::{Limit, Listed, Page};

/// Which accounts, in which order, from where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    status: Option<Status>,
    /// The name of a role.
    role: Option<RoleName>,
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

impl From<UsersQuery> for PageOf {
    fn from(query: UsersQuery) -> Self {
        let UsersQuery { status, role, created_after, created_before, sort, limit, cursor, include_total } =
            query;
        let role = role.map(RoleName::into_string);
        let filter = Filter { status, role, created_after, created_before, sort };
        Self { filter, limit, cursor, include_total }
    }
}
