//! Floor 11: the command line, one file per command.
#![expect(clippy::disallowed_macros, reason = "this floor speaks to the terminal")]

mod audit;
mod backup;
mod config;
mod context;
mod failure;
mod fake;
mod first_start;
mod healthcheck;
mod keys;
mod known;
mod migrate;
mod openapi;
mod progress;
mod role;
mod rows;
mod serve;
mod sessions;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::context::load;
use self::failure::Failure;
use self::rows::ReaderGone;
use crate::config::Sources;

/// The API server.
#[derive(Parser)]
#[command(version, propagate_version = true, arg_required_else_help = false)]
#[command(
    after_help = "Example: stead serve --port 8000\n\nWithout a command it serves. Every setting is in `stead config show`."
)]
struct Cli {
    /// A TOML file laid over the built-in configuration
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (the default)
    Serve(serve::Serve),
    /// Bring the database schema up or down, or say where it stands
    #[command(subcommand, after_help = "Example: stead migrate up")]
    Migrate(migrate::Migrate),
    /// Manage accounts
    #[command(subcommand, after_help = "Example: stead user list")]
    User(user::User),
    /// Make people who do not exist, in dev and testing only
    #[command(subcommand, after_help = "Example: stead fake users 1000")]
    Fake(fake::Fake),
    /// Manage roles, and see the permissions there are
    #[command(subcommand, after_help = "Example: stead role list")]
    Role(role::Role),
    /// See who is signed in, and end sessions
    #[command(subcommand, after_help = "Example: stead sessions end --all")]
    Sessions(sessions::Sessions),
    /// List what happened that matters for security, newest first
    Audit(audit::AuditLog),
    /// Look at the keys, rotate and revoke them, wrap them under another secret
    #[command(subcommand, after_help = "Example: stead keys list")]
    Keys(keys::Keys),
    Backup(backup::Backup),
    Restore(backup::Restore),
    /// Show or check the configuration
    #[command(subcommand, after_help = "Example: stead config check --env prod")]
    Config(config::Config),
    /// Print the OpenAPI document
    Openapi(openapi::Openapi),
    /// Ask a running server whether it is ready: exit code 0 or 1
    Healthcheck(healthcheck::Healthcheck),
}

/// Runs the command that the arguments name. Exit codes: 0 done, 1 failed, 2 wrong use.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) if failure.is::<ReaderGone>() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let file = cli.config;
    let done = |()| ExitCode::SUCCESS;
    match cli.command.unwrap_or_else(|| Command::Serve(serve::Serve::default())) {
        Command::Serve(command) => command.run(file),
        Command::Migrate(command) => command.run(&load(file)?).map(done),
        Command::User(command) => command.run(load(file)?).map(done),
        Command::Fake(command) => command.run(load(file)?).map(done),
        Command::Role(command) => command.run(load(file)?).map(done),
        Command::Sessions(command) => command.run(load(file)?).map(done),
        Command::Audit(command) => command.run(load(file)?).map(done),
        Command::Keys(command) => command.run(load(file)?).map(done),
        Command::Backup(command) => command.run(&load(file)?).map(done),
        Command::Restore(command) => command.run(&load(file)?).map(done),
        Command::Config(command) => Ok(command.run(&Sources::from_process(file, Vec::new()))),
        Command::Openapi(command) => command.run(&load(file)?).map(done),
        Command::Healthcheck(command) => command.run(&load(file)?).map(done),
    }
}
