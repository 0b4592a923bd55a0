//! What a million people cost: to take them in, and to be asked about them.

mod asking;
mod filling;

use anyhow::{Result, bail};

use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use crate::server::Profile;
use asking::Crowd;

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
    let sizes = if context.short { [200, 2000] } else { [10_000, 1_000_000] };
    let mut stages = Vec::new();
    for (people, name) in sizes.into_iter().zip(["few", "many"]) {
        let Some(stage) = Stage::cheap(context, database, 1, &[])? else {
            return Ok(Findings::skipped("no PostgreSQL"));
        };
        filling::fill(context, &stage, people, name, &mut findings)?;
        stages.push((stage, people));
    }
    block_on(compare(context, &stages, &mut findings))?;
    for (stage, _) in stages {
        stage.close(&mut findings)?;
    }
    Ok(findings)
}

async fn compare(context: &Context, stages: &[(Stage, u64)], findings: &mut Findings) -> Result<()> {
    let [few, many] = stages else { bail!("two are compared") };
    let crowds = [Crowd::meet(&few.0, few.1, findings).await?, Crowd::meet(&many.0, many.1, findings).await?];
    for (question, [before, after]) in asking::ask(context, &crowds).await? {
        for (name, cost) in [("few", before), ("many", after)] {
            findings.figure(&format!("{name}_{question}_cpu_ms"), (cost * 1000.0).round() / 1000.0);
        }
        let ratio = after / before.max(0.001);
        findings.figure(&format!("{question}_ratio"), (ratio * 100.0).round() / 100.0);
        // A few requests take less time than the clock can tell, and other builds spend it elsewhere.
        if !context.short && context.profile == Profile::Release {
            let what = format!("{question} costs {ratio:.2} times as much among {}", many.1);
            findings.promise(ratio <= MOST, what);
        }
    }
    Ok(())
}
