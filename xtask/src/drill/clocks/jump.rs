//! The machine's clock is set while its server runs.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::faketime::{Faketime, MISSING};
use super::work::{Crowd, hire};
use crate::drill::stage::{Database, Stage, block_on};
use crate::drill::{Context, Findings};

/// What happens to the clock, and how far it is off from then on.
const STEPS: [(&str, &str); 5] = [
    ("right", "+0"),
    ("an_hour_on", "+1h"),
    ("right_again", "+0"),
    ("an_hour_back", "-1h"),
    ("right_at_last", "+0"),
];
const CROWD: usize = 6;

pub(super) fn run(context: &Context, database: Database) -> Result<Findings> {
    let Some(faketime) = Faketime::find() else { return Ok(Findings::skipped(MISSING)) };
    let others = if database == Database::Postgres { 2 } else { 0 };
    let Some(mut stage) = Stage::cheap(context, database, others, &[])? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let hands = faketime.hands(stage.place.folder())?;
    stage.add(&hands.shown())?;
    let mut findings = Findings::default();
    let lasts = Duration::from_secs(if context.short { 1 } else { 60 });
    block_on(async {
        // They refresh far more often than they must, so that none depends on the life of an access token.
        let period = Duration::from_millis(700);
        let mut people = hire(&stage.clients, CROWD).await?;
        for (name, off) in STEPS {
            hands.set(off)?;
            let crowd = Crowd::begin(&stage.clients, people, period);
            sleep(lasts).await;
            let (still, seen) = crowd.end().await?;
            people = still;
            seen.note(name, &mut findings);
            // An hour on they are over, unless it is another's time that counts. What is told is never taken
            // back, so they end no sooner after an hour back.
            let expected = seen.expired == 0 || (others == 0 && name == "an_hour_on");
            findings.promise(expected, format!("{name}: {} access tokens were refused", seen.expired));
        }
        Ok(())
    })?;
    stage.close(&mut findings)?;
    Ok(findings)
}
