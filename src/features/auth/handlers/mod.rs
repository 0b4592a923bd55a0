//! The contract of signing in over HTTP, by subject.

pub mod emails;
pub mod passwords;
pub mod sessions;
pub mod sign_in;
