//! `cargo xtask ci`: the stages of `stages.rs` in order, timed, up to the first failure.

mod contract;
mod outcome;
mod page;
mod secrets;
mod smoke;
mod stages;
mod tools;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use outcome::Outcome;
use stages::{STAGES, Stage};

#[derive(clap::Args)]
#[command(after_help = "\
Nothing is installed: scripts/ci-setup does that, and .ci/run is both.

Examples:
  cargo xtask ci --list
  cargo xtask ci --only fmt,clippy
  cargo xtask ci --skip drills")]
pub struct Arguments {
    /// Show the stages and end
    #[arg(long)]
    list: bool,
    /// Run these stages only
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave these stages out
    #[arg(long, value_name = "STAGE", value_delimiter = ',', conflicts_with = "only")]
    skip: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let chosen = choose(&arguments.only, &arguments.skip)?;
    if arguments.list {
        chosen.iter().for_each(|stage| println!("{:<12} {}", stage.name, stage.about));
        return Ok(());
    }
    demand_tools(&chosen)?;
    let mut table = Vec::new();
    for stage in chosen {
        println!("\n== {}: {}", stage.name, stage.about);
        let begun = Instant::now();
        let outcome = (stage.run)();
        let seconds = begun.elapsed();
        table.push(match &outcome {
            Ok(Outcome::Passed) => line(stage, seconds, "passed"),
            Ok(Outcome::Partly(what)) => line(stage, seconds, &format!("passed, but {what}")),
            Ok(Outcome::Skipped(why)) => line(stage, seconds, &format!("SKIPPED: {why}")),
            Err(_) => line(stage, seconds, "FAILED"),
        });
        println!("{}", table.last().map(String::as_str).unwrap_or_default());
        if let Err(error) = outcome {
            println!("\n{}", table.join("\n"));
            bail!("stage `{0}`: {error:#}\nrun it alone with: cargo xtask ci --only {0}", stage.name);
        }
    }
    println!("\n{}", table.join("\n"));
    Ok(())
}

fn line(stage: &Stage, took: Duration, outcome: &str) -> String {
    format!("{:<12} {:>7.1} s  {outcome}", stage.name, took.as_secs_f64())
}

fn choose(only: &[String], skip: &[String]) -> Result<Vec<&'static Stage>> {
    for name in only.iter().chain(skip) {
        ensure!(STAGES.iter().any(|stage| stage.name == name), "there is no stage `{name}`; see --list");
    }
    let listed = |names: &[String], stage: &Stage| names.iter().any(|name| name == stage.name);
    let wanted = |stage: &&Stage| (only.is_empty() || listed(only, stage)) && !listed(skip, stage);
    Ok(STAGES.iter().filter(wanted).collect())
}

/// Names everything that is missing at once, before the first minute is spent.
fn demand_tools(chosen: &[&Stage]) -> Result<()> {
    let needed: BTreeSet<&str> = chosen.iter().flat_map(|stage| stage.needs).copied().collect();
    let missing: Vec<&str> = needed.into_iter().filter(|tool| !tools::present(tool)).collect();
    ensure!(
        missing.is_empty(),
        "not installed: {}\nscripts/ci-setup installs it; --skip leaves a stage out",
        missing.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], skip: &[&str]) -> Result<Vec<&'static str>> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Ok(choose(&owned(only), &owned(skip))?.into_iter().map(|stage| stage.name).collect())
    }

    #[test]
    fn chosen_stages_keep_the_order_of_the_table() {
        assert_eq!(names(&["test", "fmt"], &[]).unwrap(), ["fmt", "test"]);
        assert!(!names(&[], &["test"]).unwrap().contains(&"test"));
    }

    #[test]
    fn a_mistyped_stage_is_refused_and_not_ignored() {
        assert!(names(&["tset"], &[]).is_err());
        assert!(names(&[], &["tset"]).is_err());
    }
}
