//! `stead user list`: accounts, over the same list as `GET /api/v1/users`.

use clap::Args;

use crate::access::principal::Status;
use crate::base::clock::Timestamp;
use crate::cli::failure::Failure;
use crate::cli::rows::Rows;
use crate::features::users::list::{Filter, Sort};
use crate::features::users::model::User as Shown;
use crate::features::users::search::Prefix;
use crate::features::users::service::{PageOf, Users};

#[derive(Args)]
#[command(after_help = "Example: stead user list --role admin --json")]
pub struct ListUsers {
    /// Only those whose address or name, or a word of it, begins with this, in the order of the match
    #[arg(long, value_name = "TEXT", value_parser = prefix, conflicts_with = "sort")]
    q: Option<Prefix>,
    /// Only those with this role
    #[arg(long)]
    role: Option<String>,
    /// Only those that are pending, active, suspended or deleted (deleted ones show only so)
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// Made at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    created_after: Option<Timestamp>,
    /// Made before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    created_before: Option<Timestamp>,
    /// By created_at, email or last_login_at; with - before it the other way round [default: -created_at]
    #[arg(long, value_name = "ORDER", value_parser = sort, allow_hyphen_values = true)]
    sort: Option<Sort>,
    /// How many accounts [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// A JSON array, one account a line
    #[arg(long)]
    json: bool,
}

impl ListUsers {
    /// Page by page: there may be many.
    pub async fn act(self, users: &Users) -> Result<(), Failure> {
        let filter = Filter {
            q: self.q,
            status: self.status,
            role: self.role,
            created_after: self.created_after,
            created_before: self.created_before,
            sort: self.sort.unwrap_or_default(),
        };
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut cursor = None;
        let mut rows = Rows::begin(self.json)?;
        loop {
            let page =
                PageOf { filter: filter.clone(), limit: Default::default(), cursor, include_total: false };
            let page = users.list(page).await?;
            for person in page.items {
                let user = Shown::from(person);
                rows.row(&user, line(&user))?;
                left -= 1;
                if left == 0 {
                    return rows.end();
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return rows.end();
            }
        }
    }
}

fn line(user: &Shown) -> String {
    let roles = user.roles.iter().cloned().collect::<Vec<_>>().join(",");
    let status = format!("{:?}", user.status).to_lowercase();
    format!("{}  {status:<9}  {:<32}  {roles}", user.id, user.email)
}

fn prefix(text: &str) -> Result<Prefix, String> {
    text.to_owned().try_into().map_err(|error: <Prefix as TryFrom<String>>::Error| error.to_string())
}

fn status(name: &str) -> Result<Status, String> {
    serde_json::from_value(name.into()).map_err(|_| "it is one of pending, active, suspended, deleted".into())
}

fn sort(name: &str) -> Result<Sort, String> {
    serde_json::from_value(name.into())
        .map_err(|_| "it is created_at, email or last_login_at, perhaps with - before it".into())
}
