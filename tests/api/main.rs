//! What the API does, over HTTP, through the app factory: one test body, two databases.
//!
//! How a test is written is shown in `harness/mod.rs`. What the files are about is in their names.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod registration;
