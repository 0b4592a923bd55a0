//! `stead user`: accounts, over the same services as the API.

mod account;
mod export;
pub mod import;
mod list;

use std::io::Read;

use axum::extract::FromRef;
use clap::Subcommand;
use serde::Serialize;

use self::account::Account;
use self::export::ExportUsers;
use self::import::ImportUsers;
use self::list::ListUsers;
use super::context::{block_on, open, print, print_json};
use super::failure::Failure;
use super::known::Known;
use crate::access::principal::Actor;
use crate::base::email::Email;
use crate::base::language::{Language, translate};
use crate::base::secret::Password;
use crate::config::Config;
use crate::features::users::error::UsersError;
use crate::features::users::model::{DisplayName, Person, User as Shown};
use crate::features::users::service::{NewUser, Users};
use crate::http::etag::IfMatch;
use crate::http::extract::Rule;

#[derive(Subcommand)]
pub enum User {
    /// Make an account: active with a password, invited without one
    ///
    /// Without a password it prints a link, good once and for 24 hours, to choose one.
    #[command(
        after_help = "Example: printf '%s' \"$PASSWORD\" | stead user create ada@example.com --role admin --password-stdin"
    )]
    Create {
        /// The address of the account, by which it signs in
        email: Email,
        /// Give this role, too; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// The name that others see
        #[arg(long)]
        display_name: Option<String>,
        /// The language of mails: en or zh
        #[arg(long)]
        locale: Option<Language>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// List accounts, newest first unless it is said otherwise
    List(ListUsers),
    /// Set a password without asking for the old one; all sessions end
    #[command(
        after_help = "Example: printf '%s' \"$PASSWORD\" | stead user set-password ada@example.com --password-stdin"
    )]
    SetPassword {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Suspend an account; all its sessions end
    #[command(after_help = "Example: stead user suspend ada@example.com")]
    Suspend {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
    },
    /// Make a suspended or pending account active
    #[command(after_help = "Example: stead user activate ada@example.com")]
    Activate {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
    },
    /// Write all accounts into a file, or to standard output
    Export(ExportUsers),
    /// Make accounts of the people in a file, a line for each
    ///
    /// Good lines are kept, in batches of a thousand, and what is wrong with the others is said with its line;
    /// then the exit code is 1.
    Import(ImportUsers),
    #[command(flatten)]
    Account(Account),
}

impl User {
    pub fn run(self, config: Config) -> Result<(), Failure> {
        block_on(async {
            let app = open(config).await?;
            let outcome = self.act(&Users::from_ref(&app.state)).await;
            app.state.db.close().await;
            outcome
        })
    }

    async fn act(self, users: &Users) -> Result<(), Failure> {
        match self {
            Self::Create { email, roles, display_name, locale, password_stdin, json } => {
                let display_name = display_name.map(|name| DisplayName::parse(&name)).transpose();
                let display_name = display_name.map_err(|fault| format!("--display-name {fault}"))?;
                let new = NewUser {
                    email,
                    password: if password_stdin { Some(read_password()?) } else { None },
                    display_name: display_name.map(DisplayName::into_string),
                    locale,
                    roles: roles.into_iter().collect(),
                };
                created(users.create(new, Actor::OPERATOR).await.map_err(explain)?, json)
            }
            Self::List(command) => command.act(users).await,
            Self::Export(command) => command.act(users).await,
            Self::Import(command) => command.act(users).await,
            Self::Account(command) => command.act(users).await,
            Self::SetPassword { account, .. } => {
                let id = account.id(users).await.map_err(explain)?;
                users.set_password(id, read_password()?, Actor::OPERATOR).await.map_err(explain)?;
                done(format_args!("set the password of {account}; all sessions ended"))
            }
            Self::Suspend { account } => {
                let id = account.id(users).await.map_err(explain)?;
                users.suspend(id, &IfMatch::default(), Actor::OPERATOR).await.map_err(explain)?;
                done(format_args!("suspended {account}; all sessions ended"))
            }
            Self::Activate { account } => {
                let id = account.id(users).await.map_err(explain)?;
                users.activate(id, &IfMatch::default(), Actor::OPERATOR).await.map_err(explain)?;
                done(format_args!("activated {account}"))
            }
        }
    }
}

#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    user: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<String>,
}

fn created((person, invitation): (Person, Option<String>), json: bool) -> Result<(), Failure> {
    let user = Shown::from(person);
    if json {
        return print_json(&Created { user, invitation });
    }
    print(format_args!("created {} ({})", user.email, user.id))?;
    if let Some(link) = invitation {
        print(format_args!("to choose a password, once and within 24 hours: {link}"))?;
    }
    Ok(())
}

fn done(message: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    print(message)
}

/// Without the line break that `echo` adds.
fn read_password() -> Result<Password, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let text = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text);
    Ok(Password::new(text.to_owned()))
}

/// What the API says with a code, the terminal says with what to do.
fn explain(error: UsersError) -> Failure {
    match error {
        UsersError::WeakPassword { weakness, .. } => {
            let id = format!("fault-{}", weakness.code().replace('_', "-"));
            let what = translate(Language::English, &id, &weakness.args());
            format!("the password is too weak. {what}; several words make a good one").into()
        }
        UsersError::EmailTaken => "the address has an account: `stead user list` shows it, `stead user \
                                   set-password` gives it another password"
            .into(),
        error => error.into(),
    }
}
