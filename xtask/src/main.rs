//! Development commands, run as `cargo xtask …`. What the server itself can do is in `stead --help`.

mod ci;
mod curl;
mod drill;
mod fixture;
mod place;
#[path = "../../tests/api/harness/pooler.rs"]
mod pooler;
mod postgres;
mod process;
mod schemathesis;
mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development commands for this repository
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask ci                       everything CI checks, in its order
  cargo xtask ci --only clippy,test    two of its stages
  cargo xtask drill --list             the drills and their parts
  cargo xtask drill start --seed 7     one drill, repeatable
  cargo xtask fixture                  what later versions must be able to take over";

#[derive(Subcommand)]
enum Command {
    /// Run everything CI checks, in order, and stop at the first failure
    Ci(ci::Arguments),
    /// Measure or break the real server, and leave a report in drill-reports/
    Drill(drill::Arguments),
    /// Write down this version's schema with data in it, before it is released
    Fixture,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ci(arguments) => ci::run(&arguments),
        Command::Drill(arguments) => drill::run(&arguments),
        Command::Fixture => fixture::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
