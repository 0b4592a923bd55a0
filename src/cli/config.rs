//! `stead config`: what is in effect and where it came from, and whether it would do.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::context::{print, print_json};
use crate::config::{self, Environment, Fault, Loaded, Report, Sources};

#[derive(Subcommand)]
pub enum Config {
    /// Every key: its value, secrets masked, and where it came from
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

fn show(loaded: Result<Loaded, Report>, json: bool) -> ExitCode {
    match loaded {
        Ok(loaded) if json => finish(print_json(&loaded.entries).is_ok()),
        Ok(loaded) => {
            let width =
                |of: fn(&config::Entry) -> usize| loaded.entries.iter().map(of).max().unwrap_or(0).min(48);
            let (path, value) = (width(|e| e.path.len()), width(|e| e.value.len()));
            for entry in &loaded.entries {
                let line = format_args!("{:<path$}  {:<value$}  {}", entry.path, entry.value, entry.origin);
                if print(line).is_err() {
                    return ExitCode::FAILURE;
                }
            }
            ExitCode::SUCCESS
        }
        Err(report) => fail(&report),
    }
}

fn check(loaded: Result<Loaded, Report>, json: bool) -> ExitCode {
    let (ok, faults, warnings) = match loaded {
        Ok(loaded) => (true, Vec::new(), loaded.warnings),
        Err(report) => (false, report.faults, Vec::new()),
    };
    if json {
        return finish(print_json(&Checked { ok, faults, warnings }).is_ok() && ok);
    }
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    if ok {
        return finish(print("the configuration is sound").is_ok());
    }
    fail(&Report { faults })
}

fn fail(report: &Report) -> ExitCode {
    eprintln!("error: {report}");
    ExitCode::FAILURE
}

fn finish(ok: bool) -> ExitCode {
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
