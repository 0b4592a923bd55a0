//! `cargo xtask fixture`: writes down this version's schema with a little data, for all that come after it.

use anyhow::{Result, ensure};

use crate::process;

const FOLDER: &str = "tests/migrations/released";

pub fn run() -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let tag = format!("v{version}");
    let tags = process::output(process::command("git").args(["tag", "--list", &tag]))?;
    ensure!(
        tags.is_empty(),
        "{version} is released ({tag}), and what is written down of it stays; raise the version in Cargo.toml"
    );
    let test = ["test", "--quiet", "--locked", "--test", "migrations"];
    process::run(process::command("cargo").args(test).args([
        "released::written_down",
        "--",
        "--exact",
        "--ignored",
    ]))?;
    println!("written: {FOLDER}/{version}; commit it");
    Ok(())
}
