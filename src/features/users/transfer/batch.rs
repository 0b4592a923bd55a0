//! Lines are read and checked by a thread of their own, beside the database: two batches ahead, no more.

use std::collections::BTreeSet;

use tokio::sync::mpsc;

use super::Fault;
use super::check::{Newcomer, newcomer};
use super::source::{Source, Taken, Unreadable};

/// How many lines are settled in one transaction: it takes a fraction of a second.
const LINES: usize = 1000;
/// How many of them may have a password: a hash takes about 20 ms of a core.
const PASSWORDS: usize = 100;
const AHEAD: usize = 2;

/// Lines that are settled together.
#[derive(Default)]
pub struct Batch {
    pub newcomers: Vec<Newcomer>,
    pub faults: Vec<Fault>,
    /// How many lines are at fault.
    pub refused: u64,
    /// The last line, and where the next one begins, in bytes.
    pub line: u64,
    pub end: u64,
}

pub type Batches = mpsc::Receiver<Result<Batch, Unreadable>>;

/// Begins to read. It ends when the file does, at the first error, or when nobody takes batches any more.
pub fn begin(source: Source, roles: BTreeSet<String>) -> Batches {
    let (batches, taker) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut reader = Reader { roles, passwords: 0 };
        let mut batch = Batch::default();
        for taken in source {
            match taken {
                Ok(taken) => reader.add(&mut batch, taken),
                Err(error) => {
                    _ = batches.blocking_send(Ok(std::mem::take(&mut batch)));
                    _ = batches.blocking_send(Err(error));
                    return;
                }
            }
            if reader.is_full(&batch) {
                reader.passwords = 0;
                if batches.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                    return;
                }
            }
        }
        _ = batches.blocking_send(Ok(batch));
    });
    taker
}

struct Reader {
    roles: BTreeSet<String>,
    passwords: usize,
}

impl Reader {
    fn add(&mut self, batch: &mut Batch, Taken { line, end, row }: Taken) {
        (batch.line, batch.end) = (line, end);
        let made = match row {
            Ok(row) => newcomer(line, row, &self.roles, &mut batch.faults),
            Err(fault) => {
                batch.faults.push(fault);
                None
            }
        };
        match made {
            None => batch.refused += 1,
            Some(newcomer) => {
                self.passwords += usize::from(newcomer.has_password());
                batch.newcomers.push(newcomer);
            }
        }
    }

    fn is_full(&self, batch: &Batch) -> bool {
        let lines = batch.newcomers.len() + usize::try_from(batch.refused).unwrap_or(LINES);
        lines >= LINES || self.passwords >= PASSWORDS
    }
}
