//! A small process that outlives the tests and clears up behind them: see `guard.sh`.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::account::Account;

/// Counts a test that ran on `"sqlite"` or `"postgres"`, or was `"skipped"`. The guard prints the
/// sums when the test process ends.
pub fn count(name: &str) {
    order(&format!("ran {name}"));
}

/// Hands the guard one of the orders that `guard.sh` lists.
pub(super) fn order(line: &str) {
    // Never dropped: the pipe closes when the process ends, which is what the guard waits for.
    static PIPE: OnceLock<Option<Mutex<std::process::ChildStdin>>> = OnceLock::new();
    if let Some(pipe) = PIPE.get_or_init(|| start().map(Mutex::new)) {
        let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
        // A guard that is gone has nothing left to clear up.
        let _ = writeln!(pipe, "{line}");
    }
}

fn start() -> Option<std::process::ChildStdin> {
    // nextest runs each test in its own process and takes an open stderr for a leak.
    let quiet = std::env::var_os("NEXTEST").is_some();
    let mut guard = Command::new("sh");
    guard.arg("-c").arg(include_str!("guard.sh")).current_dir("/");
    guard.stdin(Stdio::piped()).stdout(Stdio::null());
    guard.stderr(if quiet { Stdio::null() } else { Stdio::inherit() });
    // A group of its own, so that Ctrl-C ends the tests and not the one who clears up.
    guard.process_group(0);
    Account::for_server().assume(&mut guard);
    guard.spawn().ok()?.stdin.take()
}
