//! `cargo xtask drill`: runs that measure or break the real server. A drill has parts of less than
//! half an hour; each part leaves a report, so that a drill that was cut short goes on where it
//! stopped. To add a drill, write its file and add it to `DRILLS`.

mod alerts;
mod backup;
mod client;
mod clocks;
mod cluster;
mod confined;
mod disk;
mod drain;
mod enumeration;
mod faults;
mod figures;
mod flood;
mod fuzz;
mod kill;
mod lost;
mod migrators;
mod million;
mod openapi;
mod overhead;
mod people;
mod races;
mod replicas;
mod report;
mod slow;
mod soak;
mod stage;
mod start;
mod throttle;
mod traffic;

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value};

use crate::place::Place;
use crate::server::Profile;
use report::{Commit, Report, Verdict};

pub struct Drill {
    pub name: &'static str,
    pub about: &'static str,
    pub parts: &'static [Part],
}

pub struct Part {
    pub about: &'static str,
    pub run: fn(&Context) -> Result<Findings>,
}

const DRILLS: &[Drill] = &[
    start::DRILL,
    openapi::DRILL,
    races::DRILL,
    throttle::DRILL,
    alerts::DRILL,
    kill::DRILL,
    lost::DRILL,
    fuzz::DRILL,
    backup::DRILL,
    disk::DRILL,
    replicas::DRILL,
    faults::DRILL,
    enumeration::DRILL,
    flood::DRILL,
    million::DRILL,
    soak::DRILL,
    slow::DRILL,
    drain::DRILL,
    cluster::DRILL,
    overhead::DRILL,
    clocks::DRILL,
    migrators::DRILL,
];

/// What a part is run with.
pub struct Context {
    /// All that is random in a part comes from this, so that a run can be repeated.
    pub seed: u64,
    /// A minute at most, to see in CI that the drill itself works.
    pub short: bool,
    pub profile: Profile,
}

/// What a part found out.
#[derive(Default)]
pub struct Findings {
    pub figures: Map<String, Value>,
    /// What was not as promised; none means that the part passed.
    pub faults: Vec<String>,
}

impl Findings {
    /// Of a part that cannot run here.
    pub fn skipped(why: &str) -> Self {
        let mut findings = Self::default();
        findings.figure("skipped", why);
        findings
    }

    pub fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Notes a fault unless the promise was kept.
    pub fn promise(&mut self, kept: bool, what: impl Into<String>) {
        if !kept {
            self.faults.push(what.into());
        }
    }
}

#[derive(clap::Args)]
#[command(after_help = "\
A part that has passed on this commit is not run again: a drill that was cut short goes on where it stopped.

Examples:
  cargo xtask drill --list
  cargo xtask drill start
  cargo xtask drill start --part 1 --seed 7 --again")]
pub struct Arguments {
    /// Which drill; see --list
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Show the drills and their parts
    #[arg(long)]
    list: bool,
    /// Run this part only, counted from 1
    #[arg(long, value_name = "K")]
    part: Option<usize>,
    /// Repeat a run: the number its report gives [default: a new one]
    #[arg(long)]
    seed: Option<u64>,
    /// Go on where an earlier run of this commit stopped (the default)
    #[arg(long, conflicts_with = "again")]
    resume: bool,
    /// Run parts that have passed on this commit once more
    #[arg(long)]
    again: bool,
    /// A minute at most, as CI does
    #[arg(long)]
    short: bool,
    /// How the server is compiled
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let Some(name) = arguments.name.as_ref().filter(|_| !arguments.list) else {
        list();
        return Ok(());
    };
    let drill = DRILLS.iter().find(|drill| drill.name == name);
    let drill = drill.with_context(|| format!("there is no drill `{name}`; see --list"))?;
    if let Some(part) = arguments.part {
        ensure!((1..=drill.parts.len()).contains(&part), "`{name}` has the parts 1 to {}", drill.parts.len());
    }
    let numbers = 1..=drill.parts.len();
    let chosen: Vec<usize> =
        numbers.filter(|number| arguments.part.is_none_or(|part| part == *number)).collect();
    let context = Context {
        seed: arguments.seed.unwrap_or_else(new_seed),
        short: arguments.short,
        profile: arguments.profile,
    };
    let reports = run_parts(drill, &chosen, &context, arguments.again || arguments.seed.is_some())?;
    conclude(&reports)
}

/// Every drill in its short form, whether it has run before or not.
pub fn run_all_short(profile: Profile) -> Result<()> {
    let context = Context { seed: 1, short: true, profile };
    let mut reports = Vec::new();
    for drill in DRILLS {
        let all: Vec<usize> = (1..=drill.parts.len()).collect();
        reports.extend(run_parts(drill, &all, &context, true)?);
    }
    conclude(&reports)
}

fn run_parts(drill: &Drill, chosen: &[usize], context: &Context, again: bool) -> Result<Vec<Report>> {
    let commit = Commit::current()?;
    let mut reports = Vec::new();
    for &number in chosen {
        let part = &drill.parts[number - 1];
        let earlier = Report::read(drill.name, number, context.short);
        if let Some(earlier) =
            earlier.filter(|earlier| !again && earlier.stands_for(&commit, context.profile))
        {
            println!(
                "{} part {number}: passed on this commit already (--again runs it once more)",
                drill.name
            );
            reports.push(earlier);
            continue;
        }
        println!("{} part {number}: {} (seed {})", drill.name, part.about, context.seed);
        let (started, begun) = (SystemTime::now(), Instant::now());
        let findings = (part.run)(context).unwrap_or_else(|error| {
            let faults = vec![format!("the part did not finish: {error:#}")];
            Findings { faults, ..Findings::default() }
        });
        let report = Report {
            drill: drill.name.to_owned(),
            part: number,
            commit: commit.clone(),
            profile: context.profile,
            short: context.short,
            seed: context.seed,
            started: humantime::format_rfc3339_seconds(started).to_string(),
            seconds: begun.elapsed().as_secs_f64(),
            figures: findings.figures,
            verdict: if findings.faults.is_empty() { Verdict::Passed } else { Verdict::Failed },
            faults: findings.faults,
        };
        println!("report: {}", report.write()?.display());
        reports.push(report);
    }
    Ok(reports)
}

fn conclude(reports: &[Report]) -> Result<()> {
    println!("\n{}", report::table(reports));
    let failed = reports.iter().filter(|report| report.verdict == Verdict::Failed).count();
    ensure!(failed == 0, "{failed} of {} parts failed", reports.len());
    Ok(())
}

/// A PostgreSQL database, or none if only the short form is asked for and there is no server for it.
fn postgres(context: &Context, binary: &Path) -> Result<Option<Place>> {
    let place = Place::postgres(binary)?;
    ensure!(place.is_some() || context.short, "a drill is not told by half: it needs PostgreSQL");
    Ok(place)
}

fn list() {
    for drill in DRILLS {
        println!("{:<12} {}", drill.name, drill.about);
        for (index, part) in drill.parts.iter().enumerate() {
            println!("{:<12}   part {}: {}", "", index + 1, part.about);
        }
    }
}

fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_drills_has_a_row_for_each_and_for_no_other() {
        let page = include_str!("../../../docs/drills.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let told: Vec<&str> = rows.collect();
        let drills: Vec<&str> = DRILLS.iter().map(|drill| drill.name).collect();
        assert_eq!(told, drills);
    }
}
