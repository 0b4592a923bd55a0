//! Floor 3: the database. One SQL text serves SQLite and PostgreSQL.
//!
//! `db.read()` gives a [`Session`], `db.write()` a [`Tx`]; both take the same text through `query`,
//! and only a [`Tx`] can `execute`. The portability law is in `docs/database.md`.

pub mod attempt;
pub mod backup;
mod begin;
mod change;
mod connection;
mod driver;
mod error;
mod explain;
mod feed;
mod gauges;
pub mod migrate;
mod meters;
mod options;
mod pool;
mod pooled;
mod query;
mod reach;
pub mod record;
mod renewed;
mod session;
mod silence;
mod sqlite;
mod time;
mod timing;
mod watch;

pub use change::Change;
pub use driver::Driver;
pub use error::DbError;
pub use feed::Feed;
pub use gauges::PoolState;
pub use options::Options;
pub use pool::Db;
pub use query::{Query, ReadOnly, Row, Value};
pub use session::{Session, Tx};
