//! Stead: the API server a team starts from, and keeps.
//!
//! This file is the map. Modules are listed from the ground up; each may import those above it in
//! this list and none below (`tests/architecture/` holds the house to that).

pub mod base; // floor 1: clock, id, email, language, random, secret; imports nothing of ours
pub mod config; // floor 2: sections, environment, layers, checks
pub mod db; // floor 3: Db, Tx, queries, migrations, Record (the base of every row)
pub mod telemetry; // floor 3: logs, metrics, traces, error reports
pub mod tasks; // floor 4: background work, leases, and the order of shutdown
pub mod server; // floor 5: the listeners: connections in, requests to a router
pub mod mail; // floor 5: letters, the outbox, and the courier who empties it
pub mod http; // floor 6: problems, extractors, pages, the feature blueprint, the middleware stack
pub mod access; // floor 7: who calls and what they may do
pub mod state; // floor 8: AppState: handles only
pub mod features; // floor 9: one folder each
pub mod app; // floor 10: the app factory
pub mod cli; // floor 11: one file per command
