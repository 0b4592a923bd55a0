//! Somebody else who keeps a table of PostgreSQL to himself.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::process;

/// Held until it is dropped.
pub struct Lock {
    psql: Child,
    // The transaction lasts as long as there may be more of it.
    _input: ChildStdin,
}

impl Lock {
    /// `None` where there is no psql.
    pub fn of(table: &str, url: &str) -> Result<Option<Self>> {
        if process::find("psql").is_none() {
            return Ok(None);
        }
        let mut command = process::command("psql");
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", url]);
        let mut psql = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut input = psql.stdin.take().context("there is no pipe to psql")?;
        let output = psql.stdout.take().context("there is no pipe from psql")?;
        writeln!(input, "begin;\nlock table {table} in access exclusive mode;\n\\echo held")?;
        let lock = Self { psql, _input: input };
        let mut told = String::new();
        BufReader::new(output).read_line(&mut told)?;
        ensure!(told.trim() == "held", "psql does not lock {table}");
        Ok(Some(lock))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The database ends the transaction of whoever is gone.
        _ = self.psql.kill();
        _ = self.psql.wait();
    }
}
