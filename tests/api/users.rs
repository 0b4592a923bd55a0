//! Accounts.

mod administration;
mod authority;
mod creation;
mod export;
mod last_admin;
mod list;
mod long_exports;
mod me;
mod plans;
mod purge;
mod races;
mod search;
