//! `stead migrate`: the schema, up, down, and where it stands.

use clap::Subcommand;

use super::context::{block_on, print, print_json};
use super::failure::Failure;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::db::migrate::{Label, Migrator, Plan, Standing, State};

/// Said in acc and prod, where nobody should lose data by a word too many in the history of a shell.
const UNASKED: &str = "`stead migrate down` deletes what the newest migration added, with all the data in it \
                       (`stead migrate status` names it); if that is meant, say `stead migrate down --yes`";

#[derive(Subcommand)]
pub enum Migrate {
    /// Apply what is pending; safe to run by several at once
    #[command(after_help = "Example: stead migrate up --create-database")]
    Up {
        /// Make the PostgreSQL database first, if it is absent
        #[arg(long)]
        create_database: bool,
    },
    /// Undo the newest migration, and delete what it added with all that is in it
    ///
    /// Nothing brings the rows of its tables and columns back but a backup. acc and prod want --yes.
    #[command(after_help = "Example: stead migrate down --yes")]
    Down {
        /// It is meant: delete the data, in acc and prod too
        #[arg(long)]
        yes: bool,
    },
    /// List every migration and where it stands
    #[command(after_help = "Example: stead migrate status --json")]
    Status {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

impl Migrate {
    pub fn run(self, config: &Config) -> Result<(), Failure> {
        if matches!(self, Self::Down { yes: false }) && config.environment.is_guarded() {
            return Err(UNASKED.into());
        }
        let url = config.database.migrate_url.as_ref().unwrap_or(&config.database.url).expose();
        block_on(async {
            if matches!(self, Self::Up { create_database: true }) && Migrator::create_database(url).await? {
                eprintln!("created the database");
            }
            let mut migrator = Migrator::connect(url, Clock::system()).await?;
            match self {
                Self::Up { .. } => {
                    let done = migrator.up(|name| eprintln!("applying {name}")).await?;
                    if done.by_others > 0 {
                        eprintln!("waited for another, which applied {}", done.by_others);
                    }
                    let ahead = ahead(&migrator.plan().await?)?;
                    let standing = ahead.as_deref().unwrap_or("the schema is up to date");
                    eprintln!("{} applied; {standing}", done.applied);
                }
                Self::Down { .. } => match migrator.down().await? {
                    Some(name) => eprintln!("undid {name}"),
                    None => eprintln!("nothing is applied"),
                },
                Self::Status { json } => return show(&migrator.plan().await?, json),
            }
            Ok(())
        })
    }
}

fn show(plan: &Plan, json: bool) -> Result<(), Failure> {
    if json {
        print_json(plan)?;
    } else {
        plan.0.iter().try_for_each(show_line)?;
    }
    if let Some(ahead) = ahead(plan)? {
        eprintln!("{ahead}");
    }
    Ok(())
}

/// What a newer version has applied; a failure where this program cannot run on the schema.
fn ahead(plan: &Plan) -> Result<Option<String>, Failure> {
    plan.conflict().map_or_else(|| Ok(plan.ahead()), |conflict| Err(conflict.into()))
}

fn show_line(line: &Standing) -> Result<(), Failure> {
    let state = match line.state {
        State::Applied => "applied",
        State::Pending => "pending",
        State::Unknown => "unknown",
        State::Changed => "changed",
    };
    let label = match line.label {
        Label::Expand => "expand",
        Label::Contract => "contract",
    };
    let at = line.applied_at.map(|at| at.to_string()).unwrap_or_default();
    print(format_args!("{:04}_{:<24} {label:<8} {state:<8} {at}", line.version, line.name))
}
