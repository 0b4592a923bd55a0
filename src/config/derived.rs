//! What keys come to that are not set: read off others, and off the machine.

use std::thread::available_parallelism;

use super::report::{Entry, Fault, Origin};
use super::sections::{Config, Database, Hash};

impl Database {
    /// How many connections there are at most.
    pub fn max_connections(&self) -> u32 {
        let cores = available_parallelism().map_or(2, usize::from);
        self.max_connections.unwrap_or_else(|| u32::try_from(cores * 4).unwrap_or(8).max(8))
    }
}

impl Hash {
    /// How many threads hash passwords.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)).max(1)
    }
}

/// Fills in the entries that are not set, but for those at fault: what is missing is not to look as if it
/// were there.
pub(super) fn fill_in(entries: &mut [Entry], config: &Config, faults: &[Fault]) {
    let public_url = config.server.public_url();
    let sender = config.sender().map(|sender| sender.to_string());
    for (path, value) in [
        ("server.public_url", public_url.to_string()),
        ("database.max_connections", config.database.max_connections().to_string()),
        ("auth.hash.threads", config.auth.hash.threads().to_string()),
        ("mail.from", sender.unwrap_or_default()),
        ("mail.link_base", public_url.to_string()),
    ] {
        // All that is made of the public address waits for it.
        let needs = [path, if path.starts_with("mail.") { "server.public_url" } else { path }];
        let is_sound = faults.iter().all(|fault| !needs.contains(&fault.key.as_str()));
        if let Some(entry) = entries.iter_mut().find(|entry| entry.path == path)
            && entry.value.is_empty()
            && is_sound
        {
            (entry.value, entry.origin) = (value, Origin::Derived);
        }
    }
}
