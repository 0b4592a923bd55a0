//! `stead sessions`: who is signed in where, and an end to it.

use axum::extract::FromRef;
use clap::{ArgGroup, Subcommand};
use serde_json::json;

use super::context::{block_on, open, print, print_json};
use super::failure::Failure;
use super::known::Known;
use crate::access::principal::Actor;
use crate::access::sessions::SessionRow;
use crate::config::Config;
use crate::features::users::model::Session;
use crate::features::users::service::Users;

#[derive(Subcommand)]
pub enum Sessions {
    /// List the sessions of an account, newest first
    #[command(after_help = "Example: stead sessions list ada@example.com")]
    List {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Known,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// End all sessions of an account, or of everybody, within a second on every server
    #[command(after_help = "Example: stead sessions end --all")]
    #[command(group(ArgGroup::new("whose").required(true).args(["account", "all"])))]
    End {
        /// The address of the account, or its id
        #[arg(value_name = "EMAIL|ID")]
        account: Option<Known>,
        /// The sessions of everybody: all have to sign in again
        #[arg(long)]
        all: bool,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

impl Sessions {
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
            Self::List { account, json } => {
                let id = account.id(users).await?;
                let rows = users.sessions(id, Actor::OPERATOR).await?;
                let sessions: Vec<_> = rows.into_iter().map(shown).collect();
                if json { print_json(&sessions) } else { sessions.iter().try_for_each(line) }
            }
            Self::End { account, json, .. } => {
                let count = match account {
                    Some(account) => {
                        let id = account.id(users).await?;
                        users.end_sessions(id, Actor::OPERATOR).await?
                    }
                    None => users.end_everyones_sessions(Actor::OPERATOR).await?,
                };
                if json {
                    return print_json(&json!({ "ended": count }));
                }
                print(format_args!("{count} ended"))
            }
        }
    }
}

/// At the terminal no session is the one that asks.
fn shown(row: SessionRow) -> Session {
    let SessionRow { id, created_at, last_used_at, ip, user_agent, .. } = row;
    Session { id, current: false, created_at, last_used_at, ip, user_agent }
}

fn line(session: &Session) -> Result<(), Failure> {
    let Session { id, created_at, last_used_at, .. } = session;
    let (ip, program) = (session.ip.as_deref().unwrap_or("-"), session.user_agent.as_deref().unwrap_or("-"));
    print(format_args!("{id}  since {created_at}  used {last_used_at}  {ip:<15}  {program}"))
}
