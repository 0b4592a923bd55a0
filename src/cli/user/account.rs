//! What `stead user` does with one account that is there.

use std::str::FromStr;

use clap::Subcommand;

use crate::access::principal::Actor;
use crate::base::id::UserId;
use crate::base::language::Language;
use crate::cli::context::{print, print_json};
use crate::cli::failure::Failure;
use crate::cli::known::Known;
use crate::features::roles::model::RoleName;
use crate::features::users::model::{DisplayName, User as Shown};
use crate::features::users::service::{Changes, Users};
use crate::http::etag::IfMatch;
use crate::http::extract::Patch;

#[derive(Subcommand)]
pub enum Account {
    /// Show an account
    #[command(after_help = "Example: stead user show ada@example.com --json")]
    Show {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Change the name or the language of an account
    #[command(after_help = "Example: stead user set ada@example.com --locale zh")]
    Set {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
        /// The name that others see; "" for none
        #[arg(long, required_unless_present = "locale")]
        display_name: Option<String>,
        /// The language of mails: en or zh; "" for none
        #[arg(long)]
        locale: Option<String>,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Give an account exactly these roles
    #[command(after_help = "Example: stead user set-roles ada@example.com user auditor")]
    SetRoles {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
        /// None takes all away
        #[arg(value_name = "ROLE")]
        roles: Vec<RoleName>,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Delete an account; all its sessions end, and it can be restored for a while
    #[command(after_help = "Example: stead user delete ada@example.com")]
    Delete {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
    },
    /// Restore a deleted account
    #[command(after_help = "Example: stead user restore ada@example.com")]
    Restore {
        /// Its address, or its id where several deleted accounts had the address
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

impl Account {
    pub async fn act(self, users: &Users) -> Result<(), Failure> {
        let (any, operator) = (IfMatch::default(), Actor::OPERATOR);
        match self {
            Self::Show { account, json } => {
                shown(users.get(account.id(users).await?).await?.into(), "", json)
            }
            Self::Set { account, display_name, locale, json } => {
                let display_name =
                    patch(display_name, |name| DisplayName::parse(name).map(DisplayName::into_string))?;
                let changes = Changes { display_name, locale: patch(locale, Language::from_str)? };
                let person = users.update(account.id(users).await?, changes, &any, operator).await?;
                shown(person.into(), "changed ", json)
            }
            Self::SetRoles { account, roles, json } => {
                let roles = roles.into_iter().map(RoleName::into_string).collect();
                let person = users.assign_roles(account.id(users).await?, roles, &any, operator).await?;
                shown(person.into(), "changed ", json)
            }
            Self::Delete { account } => {
                users.delete(account.id(users).await?, &any, operator).await?;
                print(format_args!("deleted {account}; all sessions ended"))
            }
            Self::Restore { account, json } => {
                let person = users.restore(deleted(users, account).await?, operator).await?;
                shown(person.into(), "restored ", json)
            }
        }
    }
}

/// An option that is absent changes nothing, and an empty one clears.
fn patch<T, E>(option: Option<String>, parse: impl Fn(&str) -> Result<T, E>) -> Result<Patch<T>, E> {
    match option.as_deref() {
        None => Ok(Patch::Absent),
        Some("") => Ok(Patch::Null),
        Some(text) => parse(text).map(Patch::Value),
    }
}

async fn deleted(users: &Users, account: Known) -> Result<UserId, Failure> {
    let email = match account {
        Known::Id(id) => return Ok(id),
        Known::Email(email) => email,
    };
    let found = users.deleted(&email).await?;
    match found.as_slice() {
        [] => Err("there is no such deleted account".into()),
        [account] => Ok(account.base.id),
        several => {
            let lines = several
                .iter()
                .filter_map(|one| Some(format!("\n  {}  deleted at {}", one.base.id, one.deleted_at?)));
            Err(format!(
                "several deleted accounts had this address; name one by its id:{}",
                lines.collect::<String>()
            )
            .into())
        }
    }
}

fn shown(user: Shown, done: &str, json: bool) -> Result<(), Failure> {
    if json {
        return print_json(&user);
    }
    let roles = user.roles.iter().cloned().collect::<Vec<_>>().join(",");
    let status = format!("{:?}", user.status).to_lowercase();
    print(format_args!("{done}{}  {status:<9}  {:<32}  {roles}", user.id, user.email))
}
