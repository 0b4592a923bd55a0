//! Migrations on both databases: what the files say, what they make of sample data, and what happens
//! when several run them at once, or are killed while they do.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod database;
#[cfg(test)]
mod files;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod killed;
#[cfg(test)]
#[path = "../api/harness/postgres/mod.rs"]
mod postgres;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod released;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod sample_data;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod upgrades;
