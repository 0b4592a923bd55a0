//! Keys: random, in the database, wrapped under the application's secret.
//!
//! No row says whether its key is in use. The times in the rows do, with the clock, so that replicas
//! that have read the same rows agree on which key makes new things and which are still accepted.

pub mod lifecycle;
mod ring;
mod schedule;
mod store;
mod wrapping;

pub use self::ring::{Jwk, KeyError, Keys};
pub use self::schedule::State;
pub use self::store::Purpose;
