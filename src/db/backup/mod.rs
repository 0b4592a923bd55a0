//! Copies of a SQLite database: taken while it is in use, looked through, and put back.
//!
//! A copy is `VACUUM INTO`: one transaction that reads, beside which others write on. SQLite's page by
//! page backup begins anew whenever another process writes, so beside a busy server it need never end;
//! and it copies free pages, where deleted rows may still lie. What is not yet sound or not yet whole has
//! another name (`Draft`), so the name that was asked for is only ever that of a good copy.

mod check;
mod draft;
mod error;
mod names;
mod restore;
mod step;
mod take;

pub use error::BackupError;
pub use restore::{Restored, restore};
pub use step::Step;
pub use take::{Snapshot, take};
