//! What the API does, over HTTP, through the app factory: one test body, two databases.
//!
//! How a test is written is shown in `harness/mod.rs`. A feature's tests are in the file of its name.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod health;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod pooler;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod time;
#[cfg(test)]
mod users;
