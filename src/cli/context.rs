//! What the commands share: the configuration, a runtime, the server's handles, and output for programs.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::failure::Failure;
use super::first_start;
use crate::app::{self, App, Nature};
use crate::config::{Config, Loaded, Sources};

/// The configuration of a command that is not `serve`.
pub fn load(file: Option<PathBuf>) -> Result<Config, Failure> {
    load_with(file, Vec::new()).map(|loaded| loaded.config)
}

pub fn load_with(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Result<Loaded, Failure> {
    Ok(crate::config::load(&Sources::from_process(file, flags))?)
}

/// Runs `work` on a runtime of its own.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// The server's own handles, for commands that use its services.
pub async fn open(mut config: Config) -> Result<App, Failure> {
    first_start::complete(&mut config)?;
    Ok(app::build(config, Nature::default()).await?)
}

/// Data as JSON, for programs.
pub fn print_json(data: &impl Serialize) -> Result<(), Failure> {
    print(serde_json::to_string_pretty(data)?)
}

/// A line of what the command was asked for. A reader that has seen enough (`| head`) is no failure.
pub fn print(line: impl Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
