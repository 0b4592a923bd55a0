//! Long lists: lines for people, or an array for programs that is written while it is read.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use super::failure::Failure;

/// Whoever reads has seen enough (`| head`): there is nothing to go on for, and nothing has failed.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads on")]
pub struct ReaderGone;

pub struct Rows {
    json: bool,
    /// What stands before the next row of the array.
    before: &'static str,
}

impl Rows {
    pub fn begin(json: bool) -> Result<Self, Failure> {
        if json {
            print("[")?;
        }
        Ok(Self { json, before: " " })
    }

    /// A row, as it is shown to programs and to people.
    pub fn row(&mut self, row: &impl Serialize, line: impl Display) -> Result<(), Failure> {
        if !self.json {
            return print(line);
        }
        let before = std::mem::replace(&mut self.before, ",");
        print(format_args!("{before}{}", serde_json::to_string(row)?))
    }

    pub fn end(self) -> Result<(), Failure> {
        if self.json { print("]") } else { Ok(()) }
    }
}

fn print(line: impl Display) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => Ok(written?),
    }
}
