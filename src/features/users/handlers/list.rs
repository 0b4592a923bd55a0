//! The list of accounts.

use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::caller::Allowed;
use crate::access::principal::Status;
use crate::base::clock::Timestamp;
use crate::features::roles::model::RoleName;
use crate::features::users::error::UsersError;
use crate::features::users::list::{Filter, Sort};
use crate::features::users::model::{Person, User};
use crate::features::users::permission::ReadUsers;
use crate::features::users::search::Prefix;
use crate::features::users::service::{PageOf, Users};
use crate::http::extract::Query;
use crate::http::page::{Limit, Listed, Page};
use crate::http::{Code, Fault, Problem};

/// Which accounts, in which order, from where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// What the address, the name or a word of the name begins with, whatever its case. The order is then
    /// that of the match, not to be asked for with `sort`: by what follows from there on, and the id.
    #[param(value_type = Option<String>, max_length = 254, pattern = r"[^\s\u0000\u0085]", example = "ada")]
    q: Option<Prefix>,
    status: Option<Status>,
    /// The name of a role.
    role: Option<RoleName>,
    /// Made at this time or later (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    created_after: Option<Timestamp>,
    /// Made before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    created_before: Option<Timestamp>,
    /// `-created_at` if neither this nor `q` is there.
    #[param(inline)]
    sort: Option<Sort>,
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
/// Newest first unless `sort` says otherwise, or `q` searches. Deleted accounts show only with `status=deleted`.
#[utoipa::path(get, path = "/users", operation_id = "list_users", params(UsersQuery), responses(
    (status = OK, body = Page<User>, headers(("Link" = String, description = "`rel=\"next\"`, if there is a next page")))))]
pub async fn list_users(
    State(users): State<Users>,
    _: Allowed<ReadUsers>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<UsersQuery>,
) -> Result<Listed<User>, UsersError> {
    let page = users.list(query.try_into()?).await?;
    Ok(Listed { page: page.map(Person::into), uri })
}

impl TryFrom<UsersQuery> for PageOf {
    type Error = UsersError;

    fn try_from(query: UsersQuery) -> Result<Self, UsersError> {
        let UsersQuery { q, status, role, created_after, created_before, .. } = query;
        if q.is_some() && query.sort.is_some() {
            let fault = Fault::new("/sort", "not_with_q");
            return Err(UsersError::Refused(Problem::new(Code::INVALID_QUERY).fault(fault)));
        }
        let role = role.map(RoleName::into_string);
        let sort = query.sort.unwrap_or_default();
        let filter = Filter { q, status, role, created_after, created_before, sort };
        let UsersQuery { limit, cursor, include_total, .. } = query;
        Ok(Self { filter, limit, cursor, include_total })
    }
}
