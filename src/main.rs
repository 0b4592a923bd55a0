//! Hands the arguments to the command line.

use std::process::ExitCode;

use mimalloc::MiMalloc;

// What one thread makes another throws away here, all day (a trace, a row of SQLite). The system's allocator
// has them wait for each other then.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    stead::cli::run()
}
