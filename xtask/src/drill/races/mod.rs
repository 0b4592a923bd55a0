//! What happens at the same moment: each race is run many times, and what must hold after it is asked
//! of the servers.

mod accounts;
mod refresh;
mod single_use;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;

use super::figures::rounded;
use super::people::PASSWORD;
use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};

pub const DRILL: Drill = Drill {
    name: "races",
    about: "many at once: refreshes, resets, registrations, admins against each other",
    parts: &[
        Part { about: "refreshes, on SQLite", run: |context| refreshes(context, Database::Sqlite) },
        Part { about: "single use, on SQLite", run: |context| single_use(context, Database::Sqlite) },
        Part { about: "accounts, on SQLite", run: |context| accounts(context, Database::Sqlite) },
        Part {
            about: "refreshes, three servers on PostgreSQL",
            run: |context| refreshes(context, Database::Postgres),
        },
        Part {
            about: "single use, three servers on PostgreSQL",
            run: |context| single_use(context, Database::Postgres),
        },
        Part {
            about: "accounts, three servers on PostgreSQL",
            run: |context| accounts(context, Database::Postgres),
        },
    ],
};

fn refreshes(context: &Context, database: Database) -> Result<Findings> {
    with_stage(context, database, &[], async |stage, course| {
        course.repeat("refresh", async |round| refresh::of_one_token(stage, round).await).await?;
        course.repeat("logout", async |round| refresh::against_logout(stage, round).await).await
    })
}

fn single_use(context: &Context, database: Database) -> Result<Findings> {
    with_stage(context, database, &[], async |stage, course| {
        course
            .repeat("login_reset", async |round| single_use::login_against_reset(stage, round).await)
            .await?;
        course.repeat("reset", async |round| single_use::reset(stage, round).await).await?;
        course.repeat("verify", async |round| single_use::verify(stage, round).await).await
    })
}

fn accounts(context: &Context, database: Database) -> Result<Findings> {
    let mut findings = with_stage(context, database, &[], async |stage, course| {
        course.repeat("register", async |round| accounts::register(stage, round).await).await?;
        let mut rivals = accounts::Rivals::new(stage, course.seed).await?;
        let rounds = course.rounds;
        let mut race = course.begin("last_admin");
        for round in 0..rounds {
            race.note(round, rivals.race(stage, round).await?);
        }
        course.end(race);
        Ok(())
    })?;
    let required = [("APP_AUTH__EMAIL_VERIFICATION", "required")];
    let second = with_stage(context, database, &required, async |stage, course| {
        let admin = "overseer@example.com";
        stage.create(admin, PASSWORD, "admin")?;
        course
            .repeat("register_unverified", async |round| {
                accounts::register_unverified(stage, admin, round).await
            })
            .await
    })?;
    let errors = |findings: &Findings| findings.figures["server_errors"].as_u64().unwrap_or_default();
    if second.figures.contains_key("server_errors") {
        let errors = errors(&findings) + errors(&second);
        findings.figures.extend(second.figures);
        findings.figure("server_errors", errors);
        findings.faults.extend(second.faults);
    }
    Ok(findings)
}

/// What was not as it must be after one round.
type Broken = Vec<String>;

/// The races of a part, one after the other.
struct Course {
    rounds: usize,
    seed: u64,
    findings: Findings,
}

/// One race, as it is run.
struct Race {
    name: &'static str,
    begun: Instant,
    rounds: usize,
    broken: BTreeMap<usize, Broken>,
}

impl Course {
    async fn repeat(
        &mut self,
        name: &'static str,
        round: impl AsyncFn(usize) -> Result<Broken>,
    ) -> Result<()> {
        let mut race = self.begin(name);
        for number in 0..self.rounds {
            race.note(number, round(number).await?);
        }
        self.end(race);
        Ok(())
    }

    fn begin(&self, name: &'static str) -> Race {
        Race { name, begun: Instant::now(), rounds: 0, broken: BTreeMap::new() }
    }

    fn end(&mut self, race: Race) {
        let Race { name, begun, rounds, broken } = race;
        self.findings.figure(&format!("{name}_rounds"), rounds);
        self.findings.figure(&format!("{name}_broken"), broken.len());
        self.findings.figure(&format!("{name}_seconds"), rounded(begun.elapsed().as_secs_f64()));
        for (round, what) in broken.iter().take(3) {
            self.findings.promise(false, format!("{name}, round {round}: {}", what.join("; ")));
        }
    }
}

impl Race {
    fn note(&mut self, round: usize, broken: Broken) {
        self.rounds += 1;
        if !broken.is_empty() {
            self.broken.insert(round, broken);
        }
    }
}

fn with_stage(
    context: &Context,
    database: Database,
    settings: &[(&str, &str)],
    races: impl AsyncFnOnce(&Stage, &mut Course) -> Result<()>,
) -> Result<Findings> {
    let servers = if database == Database::Postgres { 3 } else { 1 };
    let Some(stage) = Stage::cheap(context, database, servers, settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let rounds = if context.short { 10 } else { 1000 };
    let mut course = Course { rounds, seed: context.seed, findings: Findings::default() };
    block_on(races(&stage, &mut course))?;
    stage.close(&mut course.findings)?;
    Ok(course.findings)
}
