//! Where a server runs: a folder of its own, and a database of its own.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use tempfile::TempDir;

use crate::{postgres, process};

pub struct Place {
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    folder: TempDir,
    /// Its whole environment, but for the ports.
    variables: Vec<(String, String)>,
}

impl Place {
    /// An empty folder, and nothing configured: the server makes its database in it.
    pub fn sqlite() -> Result<Self> {
        Ok(Self { name: "sqlite", folder: tempfile::tempdir()?, variables: Vec::new() })
    }

    /// A migrated database; `None` where there is no PostgreSQL.
    pub fn postgres(binary: &Path) -> Result<Option<Self>> {
        let Some(url) = postgres::fresh_url()? else { return Ok(None) };
        Self::on(binary, &url).map(Some)
    }

    /// A migrated database of this address on a PostgreSQL.
    pub fn on(binary: &Path, url: &str) -> Result<Self> {
        let place = Self { name: "postgres", folder: tempfile::tempdir()?, variables: Vec::new() }
            .with("APP_DATABASE__URL", url);
        process::output(place.command(binary).args(["migrate", "up", "--create-database"]))?;
        Ok(place)
    }

    /// One for each database there is.
    pub fn all(binary: &Path) -> Result<Vec<Self>> {
        Ok([Some(Self::sqlite()?), Self::postgres(binary)?].into_iter().flatten().collect())
    }

    /// Sets a variable of what runs here.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What a variable is set to here.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program, here: nothing of the caller's own configuration reaches it.
    pub fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command.current_dir(self.folder()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}
