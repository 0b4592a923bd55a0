//! `stead config`: what is in effect and where it came from, and whether it would do.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::context::{print, print_json};
use super::failure::Failure;
use crate::config::{self, Entry, Environment, Fault, Loaded, Report, Sources};

#[derive(Subcommand)]
pub enum Config {
    /// Every key: its value, secrets masked, and where it came from; exit code 1 if anything is wrong
    #[command(after_help = "Example: APP_SERVER__PORT=9000 stead config show")]
    Show {
        /// Show what this environment would have, instead of that of APP_ENV
        #[arg(long, value_name = "dev|testing|acc|prod")]
        env: Option<Environment>,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Report everything that is wrong, at once; exit code 1 if anything is
    #[command(after_help = "Example: stead config check --env prod --json")]
    Check {
        /// Check as this environment would, instead of that of APP_ENV
        #[arg(long, value_name = "dev|testing|acc|prod")]
        env: Option<Environment>,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Config {
    pub fn run(self, sources: &Sources) -> ExitCode {
        let load = |env: Option<Environment>| match env {
            Some(environment) => config::load_as(sources, environment),
            None => config::load(sources),
        };
        match self {
            Self::Show { env, json } => show(load(env), json),
            Self::Check { env, json } => check(load(env), json),
        }
    }
}

/// The table stands on stdout, whether or not the configuration would do; what is wrong, on stderr.
fn show(loaded: Result<Loaded, Report>, json: bool) -> ExitCode {
    let (entries, report) = match loaded {
        Ok(loaded) => (loaded.entries, None),
        Err(report) => (report.entries.clone(), Some(report)),
    };
    let shown = if json { print_json(&entries) } else { table(&entries) };
    if let Some(report) = report {
        return fail(&report);
    }
    finish(shown.is_ok())
}

fn table(entries: &[Entry]) -> Result<(), Failure> {
    let width = |of: fn(&Entry) -> usize| entries.iter().map(of).max().unwrap_or(0).min(48);
    let (path, value) = (width(|e| e.path.len()), width(|e| e.value.len()));
    let line = |e: &Entry| print(format_args!("{:<path$}  {:<value$}  {}", e.path, e.value, e.origin));
    entries.iter().try_for_each(line)
}

fn check(loaded: Result<Loaded, Report>, json: bool) -> ExitCode {
    let (warnings, report) = match loaded {
        Ok(loaded) => (loaded.warnings, None),
        Err(report) => (Vec::new(), Some(report)),
    };
    let ok = report.is_none();
    if json {
        let faults = report.map_or_else(Vec::new, |report| report.faults);
        return finish(print_json(&Checked { ok, faults, warnings }).is_ok() && ok);
    }
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    match report {
        Some(report) => fail(&report),
        None => finish(print("the configuration is sound").is_ok()),
    }
}

fn fail(report: &Report) -> ExitCode {
    eprintln!("error: {report}");
    ExitCode::FAILURE
}

fn finish(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
