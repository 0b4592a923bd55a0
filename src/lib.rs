//! Stead: the API server a team starts from, and keeps.
//!
//! This file is the map. Modules are listed from the ground up; each may import those above it in
//! this list and none below (`tests/architecture.rs` holds the house to that).

pub mod base; // floor 1: clock, id, email, secret; imports nothing of ours
pub mod db; // floor 3: Db, Tx, queries, migrations, Record (the base of every row)
