//! Three servers on one PostgreSQL are one to their callers.

mod keys;
mod outage;
pub(super) mod proxy;
mod revocation;

use anyhow::Result;

use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};

pub const DRILL: Drill = Drill {
    name: "replicas",
    about: "three servers on one PostgreSQL: what one ends, all end; keys; a lost line",
    parts: &[
        Part {
            about: "what ends on one server is seen on the others; one budget of guesses",
            run: |context| {
                run(context, async |stage, findings| revocation::everywhere(context, stage, findings).await)
            },
        },
        Part {
            about: "keys rotated under load, and revoked",
            run: |context| {
                run(context, async |stage, findings| keys::under_load(context, stage, findings).await)
            },
        },
        Part {
            about: "a fourth server whose line to the database is cut",
            run: |context| {
                run(context, async |stage, findings| outage::of_one(context, stage, findings).await)
            },
        },
    ],
};

fn run(
    context: &Context,
    part: impl AsyncFnOnce(&mut Stage, &mut Findings) -> Result<()>,
) -> Result<Findings> {
    let Some(mut stage) = Stage::cheap(context, Database::Postgres, 3, &[])? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut findings = Findings::default();
    block_on(part(&mut stage, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}
