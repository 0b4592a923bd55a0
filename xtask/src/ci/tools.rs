//! Which of the tools the stages need are on this machine.

use std::env;
use std::path::PathBuf;

use crate::process;

pub fn present(tool: &str) -> bool {
    match tool {
        // Its Python has the packages of .ci/requirements.txt, another may not.
        "venv" => process::root().join(".ci/venv/bin/python").is_file(),
        // A library, so no program of it is anywhere.
        "playwright-core" => process::root().join(".ci/node_modules/playwright-core").is_dir(),
        "postgresql" => env::var_os("TEST_DATABASE_URL").is_some() || postgresql().is_some(),
        program => process::find(program).is_some(),
    }
}

/// Debian keeps the server's programs off PATH.
fn postgresql() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin/initdb")).find(|initdb| initdb.is_file());
    debian.or_else(|| process::find("initdb"))
}
