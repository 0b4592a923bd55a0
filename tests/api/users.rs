//! Accounts.

mod list;
mod me;
