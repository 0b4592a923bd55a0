//! The contract of accounts over HTTP.

pub mod administration;
pub mod list;
pub mod me;
