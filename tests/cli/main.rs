//! The command line: the real program, in a folder of its own, with an environment of its own.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod export;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod first_start;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod help;
#[cfg(test)]
mod import;
#[cfg(test)]
mod invitation;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod log;
#[cfg(test)]
mod log_level;
#[cfg(test)]
mod overload;
#[cfg(test)]
#[path = "../api/harness/postgres/mod.rs"]
mod postgres;
#[cfg(test)]
mod program;
#[cfg(test)]
mod rebinding;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod secret_key;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod undelivered;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod users;
#[cfg(test)]
mod wire;
