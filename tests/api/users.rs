//! Accounts.

mod administration;
mod authority;
mod creation;
mod last_admin;
mod list;
mod me;
mod plans;
mod races;
mod search;
