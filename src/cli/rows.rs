//! Long lists: lines for people, or an array for programs that is written while it is read.

use std::fmt::Display;

use serde::Serialize;

use super::context::print;
use super::failure::Failure;

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
