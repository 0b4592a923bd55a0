//! Several bring a schema up to date at the same moment, and one of them is killed, at every statement it has:
//! the others finish, and the schema is that of an undisturbed run.

mod postgres;
mod sqlite;
mod wire;

use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{Drill, Part};
use crate::place::Place;

pub const DRILL: Drill = Drill {
    name: "migrators",
    about: "five migrate at once, and one is killed at each statement",
    parts: &[
        Part { about: "on SQLite", run: sqlite::run },
        Part { about: "on PostgreSQL", run: postgres::run },
    ],
};

const UP: &[&str] = &["migrate", "up", "--create-database"];
/// How many kills are enough to see that the drill works.
const SHORT: usize = 6;

/// So many at once.
fn start(binary: &Path, place: &Place, count: usize) -> Result<Vec<Child>> {
    let spawn = |_| {
        let mut up = place.command(binary);
        up.args(UP).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
    };
    Ok((0..count).map(spawn).collect::<Result<_, _>>()?)
}

/// Waits for all; each must end well. How many migrations they applied together.
fn finish(migrators: Vec<Child>) -> Result<usize> {
    let mut applied = 0;
    for migrator in migrators {
        let output = migrator.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "a migrator ended with {}: {said}", output.status);
        let last = said.lines().last().and_then(|line| line.split(' ').next());
        applied +=
            last.context("a migrator said nothing")?.parse::<usize>().with_context(|| said.to_string())?;
    }
    Ok(applied)
}

/// Of so many statements, those at which one is killed.
fn moments(all: usize, short: bool) -> impl Iterator<Item = usize> {
    let step = if short { all.div_ceil(SHORT) } else { 1 };
    (1..=all).step_by(step.max(1))
}
