//! What the commands share: the configuration, a runtime, the server's handles, and output for programs.

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
    let mut loaded = crate::config::load(&Sources::from_process(file, flags))?;
    first_start::complete(&mut loaded.config)?;
    Ok(loaded)
}

/// Runs `work` on a runtime of its own.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// The server's own handles, for commands that use its services.
pub async fn open(config: Config) -> Result<App, Failure> {
    Ok(app::build(config, Nature::default()).await?)
}

/// Data as JSON, for programs.
pub fn print_json(data: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(data)?);
    Ok(())
}
