//! Migrations: embedded in the binary, applied in order, each once, by whoever comes first.
//!
//! A file is one transaction, and inside it the table of migrations is locked. So five servers that
//! start at once take turns, and one that is killed half-way leaves nothing behind: no lease to expire,
//! no lock that outlives its holder. A file marked `-- no-transaction` runs beside that lock and must be
//! idempotent. How to write one: `migrations/README.md`.

mod error;
mod file;
mod link;
mod plan;
mod runner;

pub use error::MigrateError;
pub use file::{Label, Migration, embedded};
pub(super) use plan::plan_of;
pub use plan::{Answer, Plan, Standing, State, is_current, plan, probe};
pub use runner::{Brought, Migrator};
