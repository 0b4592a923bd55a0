//! How many files a process may have open, which is how many connections it can hold.

use rustix::process::{Resource, getrlimit, setrlimit};

/// With requests under way each holds some 45 KiB (the drill `slow`): a third of a GiB.
const MOST: u64 = 8192;
/// For logs, mail, the feed, what is being opened, and the listener for operators.
const OTHERS: u64 = 128;
/// A database file, its log and the index of that; of PostgreSQL it is one.
const PER_DATABASE_CONNECTION: u64 = 3;

/// Raises the limit of open files as far as the system allows, and says what it is now.
pub fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_err() {
        tracing::debug!("the limit of open files cannot be raised");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections of callers there is room for beside everything else.
pub fn connections(files: u64, database_connections: u32) -> usize {
    let others = OTHERS + PER_DATABASE_CONNECTION * u64::from(database_connections);
    // Where files are that few, half of them: it would not do much else.
    let left = files.saturating_sub(others).max(files / 2).min(MOST);
    usize::try_from(left).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_what_else_is_open() {
        assert_eq!(connections(1 << 20, 8), 8192);
        assert_eq!(connections(1024, 8), 1024 - 128 - 24);
        assert_eq!(connections(64, 8), 32);
        assert_eq!(connections(0, 8), 1);
    }

    #[test]
    fn the_limit_is_what_it_was_raised_to() {
        assert_eq!(raise_limit(), raise_limit());
    }
}
