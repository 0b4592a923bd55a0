//! `stead role`: roles and permissions, over the same services as the API.

use axum::extract::FromRef;
use clap::Subcommand;
use serde::Serialize;

use super::context::{block_on, open, print, print_json};
use super::failure::Failure;
use crate::access::principal::Actor;
use crate::config::Config;
use crate::features::roles::error::RolesError;
use crate::features::roles::model::{Description, Permission, Role as Shown, RoleName};
use crate::features::roles::service::{Changes, NewRole, PageOf, Roles};
use crate::http::etag::IfMatch;
use crate::http::page::Page;

#[derive(Subcommand)]
pub enum Role {
    /// List roles and what they permit, by name
    #[command(after_help = "Example: stead role list --json")]
    List {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Show one role
    #[command(after_help = "Example: stead role show admin")]
    Show {
        /// The name of the role
        name: RoleName,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Make a role
    #[command(
        after_help = "Example: stead role create auditor --description Auditing --permission audit:read"
    )]
    Create {
        /// 1 to 64 of a-z, 0-9, _ and -, a letter first
        name: RoleName,
        /// What it is for
        #[arg(long, value_parser = description)]
        description: Option<String>,
        /// Let it permit this; may be repeated
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Change a role, for everyone who holds it, within a second
    #[command(after_help = "Example: stead role set auditor --permission audit:read --permission users:read")]
    Set {
        /// The name of the role
        name: RoleName,
        /// What it is for; "" for nothing
        #[arg(long, value_parser = description, required_unless_present_any = ["permissions", "no_permissions"])]
        description: Option<String>,
        /// Let it permit this, and nothing else that is not named here; may be repeated
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Let it permit nothing
        #[arg(long, conflicts_with = "permissions")]
        no_permissions: bool,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Delete a role that nobody holds
    #[command(after_help = "Example: stead role delete auditor")]
    Delete {
        /// The name of the role
        name: RoleName,
    },
    /// List the permissions that roles can hold, by name
    #[command(after_help = "Example: stead role permissions")]
    Permissions {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

impl Role {
    pub fn run(self, config: Config) -> Result<(), Failure> {
        block_on(async {
            let app = open(config).await?;
            let outcome = self.act(&Roles::from_ref(&app.state)).await;
            app.state.db.close().await;
            outcome
        })
    }

    async fn act(self, roles: &Roles) -> Result<(), Failure> {
        let operator = Actor::OPERATOR;
        match self {
            Self::List { json } => {
                let all = every(async |page| Ok(roles.list(page).await?.map(Shown::from))).await?;
                told(&all, json, role_line)
            }
            Self::Show { name, json } => shown(&roles.get(name.as_str()).await?.into(), "", json),
            Self::Create { name, description, permissions, json } => {
                let description = description.unwrap_or_default();
                let new = NewRole { name: name.into_string(), description, permissions };
                shown(&roles.create(new, operator).await?.into(), "created ", json)
            }
            Self::Set { name, description, permissions, no_permissions, json } => {
                let given = no_permissions || !permissions.is_empty();
                let changes = Changes { description, permissions: given.then_some(permissions) };
                let role = roles.update(name.as_str(), changes, &IfMatch::default(), operator).await?;
                shown(&role.into(), "changed ", json)
            }
            Self::Delete { name } => {
                roles.delete(name.as_str(), &IfMatch::default(), operator).await?;
                print(format_args!("deleted {}", name.as_str()))
            }
            Self::Permissions { json } => {
                let all = every(async |page| Ok(roles.permissions(page)?.map(Permission::from))).await?;
                told(&all, json, |one| format!("{:<16}  {}", one.name, one.description))
            }
        }
    }
}

fn description(text: &str) -> Result<String, Failure> {
    Ok(Description::parse(text)?.into_string())
}

/// All items of a list, page by page.
async fn every<T>(read: impl AsyncFn(PageOf) -> Result<Page<T>, RolesError>) -> Result<Vec<T>, RolesError> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = read(PageOf { cursor, ..PageOf::default() }).await?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

fn told<T: Serialize>(all: &[T], json: bool, line: impl Fn(&T) -> String) -> Result<(), Failure> {
    if json { print_json(&all) } else { all.iter().try_for_each(|one| print(line(one))) }
}

fn shown(role: &Shown, done: &str, json: bool) -> Result<(), Failure> {
    if json { print_json(role) } else { print(format_args!("{done}{}", role_line(role))) }
}

fn role_line(role: &Shown) -> String {
    let permissions = role.permissions.iter().cloned().collect::<Vec<_>>().join(",");
    let permissions = if permissions.is_empty() { "-" } else { &permissions };
    format!("{:<16}  {permissions}  {}", role.name, role.description).trim_end().to_owned()
}
