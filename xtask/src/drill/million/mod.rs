//! What a million people cost: to take them in, and to be asked about them.

mod asking;
mod filling;

use anyhow::Result;

use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use asking::Costs;

pub const DRILL: Drill = Drill {
    name: "million",
    about: "an import of a million people, and what requests cost among them",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres) },
    ],
};

/// How much more a request may cost among many people than among few.
const MOST: f64 = 1.5;

fn run(context: &Context, database: Database) -> Result<Findings> {
    let mut findings = Findings::default();
    let (few, many) = if context.short { (200, 2000) } else { (10_000, 1_000_000) };
    let Some(before) = measure(context, database, few, "few", &mut findings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let Some(after) = measure(context, database, many, "many", &mut findings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    for ((question, before), (_, after)) in before.iter().zip(&after) {
        let ratio = after / before.max(0.001);
        findings.figure(&format!("{question}_ratio"), (ratio * 100.0).round() / 100.0);
        // A few requests take less time than the clock can tell, and other builds spend it elsewhere.
        if !context.short && context.profile == crate::server::Profile::Release {
            findings
                .promise(ratio <= MOST, format!("{question} costs {ratio:.2} times as much among {many}"));
        }
    }
    Ok(findings)
}

/// Fills a database of its own with so many people, and asks.
fn measure(
    context: &Context,
    database: Database,
    people: u64,
    name: &str,
    findings: &mut Findings,
) -> Result<Option<Costs>> {
    let Some(stage) = Stage::cheap(context, database, 1, &[])? else { return Ok(None) };
    filling::fill(context, &stage, people, name, findings)?;
    let costs = block_on(asking::ask(context, &stage, people, name, findings))?;
    stage.close(findings)?;
    Ok(Some(costs))
}
