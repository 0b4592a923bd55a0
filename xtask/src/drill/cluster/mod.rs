//! Three servers behind haproxy, as the documentation says to run them.

mod haproxy;
mod killed;
mod rolling;
mod sink;

use anyhow::{Context as _, Result};

use super::stage::{CHEAP, Database, Stage, block_on, place};
use super::{Context, Drill, Findings, Part};
use crate::pooler::Pooler;
use crate::server::build;
use crate::{postgres, process};

pub const DRILL: Drill = Drill {
    name: "cluster",
    about: "three servers: replaced under load behind haproxy, also with pgbouncer; killed at random",
    parts: &[
        Part {
            about: "all three replaced one after the other",
            run: |context| restart(context, Way::Direct),
        },
        Part { about: "the same behind pgbouncer", run: |context| restart(context, Way::Pooled) },
        Part { about: "killed at random, under requests with keys and mails", run: killed },
    ],
};

/// How the servers get to PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    /// Through a pgbouncer in transaction mode.
    Pooled,
}

/// Fewer than one server would take, for three.
const POOLED: u32 = 6;

fn restart(context: &Context, way: Way) -> Result<Findings> {
    if !haproxy::is_there() {
        return Ok(Findings::skipped("no haproxy"));
    }
    let settings = [CHEAP, &[("APP_SERVER__DRAIN_DELAY", rolling::DRAIN_DELAY)]].concat();
    let binary = build(context.profile)?;
    let Some(place) = place(context, &binary, Database::Postgres, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut stage =
        Stage { binary, place, servers: Vec::new(), clients: Vec::new(), faults: Default::default() };
    let pooler = match way {
        Way::Direct => None,
        Way::Pooled => {
            let Some((pooled, pooler)) = behind_a_pooler(stage)? else {
                return Ok(Findings::skipped("no pgbouncer"));
            };
            stage = pooled;
            Some(pooler)
        }
    };
    for _ in 0..3 {
        stage.add(&[])?;
    }
    let mut findings = Findings::default();
    block_on(rolling::restart(context, &mut stage, &mut findings))?;
    stage.close(&mut findings)?;
    drop(pooler);
    Ok(findings)
}

fn killed(context: &Context) -> Result<Findings> {
    let mut findings = Findings::default();
    block_on(async {
        let (sink, mails) = sink::start().await?;
        let settings = [("APP_MAIL__URL", &*format!("smtp://{sink}"))];
        let Some(mut stage) = Stage::cheap(context, Database::Postgres, 3, &settings)? else {
            findings = Findings::skipped("no PostgreSQL");
            return Ok(());
        };
        killed::at_random(context, &mut stage, &mails, &mut findings).await?;
        stage.close(&mut findings)
    })?;
    Ok(findings)
}

/// The stage on another database, which its own migrations have to make: they go past the pooler, and all
/// else through it.
fn behind_a_pooler(mut stage: Stage) -> Result<Option<(Stage, Pooler)>> {
    let direct = postgres::fresh_url()?.context("no PostgreSQL any more")?;
    let Some(pooler) = Pooler::before(&direct, POOLED)? else {
        println!("pgbouncer NOT FOUND, so this is skipped; install it (Debian: apt-get install pgbouncer)");
        return Ok(None);
    };
    let place = stage.place.with("APP_DATABASE__URL", &pooler.url(&direct)?);
    let place = place.with("APP_DATABASE__POOLER", "transaction").with("APP_DATABASE__MIGRATE_URL", &direct);
    process::output(place.command(&stage.binary).args(["migrate", "up", "--create-database"]))?;
    stage.place = place;
    Ok(Some((stage, pooler)))
}
