//! People in and out: many accounts at once, line by line, in as much memory for a million as for ten.

mod batch;
mod check;
mod csv;
pub mod export;
pub mod import;
mod lines;
mod making;
mod ndjson;
mod pass;
pub mod row;
pub mod source;
mod spool;
mod store;

use std::str::FromStr;

use serde::Serialize;

/// How people are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 in UTF-8, the names of the columns in the first line.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

#[derive(Debug, thiserror::Error)]
#[error("the format is csv or ndjson")]
pub struct InvalidFormat;

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        match text {
            "csv" => Ok(Self::Csv),
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            _ => Err(InvalidFormat),
        }
    }
}

/// One thing that is wrong with a line. It never holds what the line says: that may be a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Counted from 1, in the file.
    pub line: u64,
    pub column: Option<&'static str>,
    /// Stable, for programs.
    pub code: &'static str,
    pub message: String,
}

impl Fault {
    pub fn new(line: u64, column: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { line, column: Some(column), code, message: message.into() }
    }

    /// Of a line that is wrong as a whole.
    pub fn whole(line: u64, code: &'static str, message: impl Into<String>) -> Self {
        Self { line, column: None, code, message: message.into() }
    }
}
