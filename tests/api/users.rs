//! Accounts.

mod last_admin;
mod list;
mod me;
