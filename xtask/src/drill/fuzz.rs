//! Whatever a stranger may write, at length: the properties of the parsers, with many more cases than the tests.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::figures::rounded;
use super::{Context, Drill, Findings, Part};
use crate::process;

pub const DRILL: Drill = Drill {
    name: "fuzz",
    about: "tokens, cursors, header fields, JSON and addresses as strangers may write them",
    parts: &[Part { about: "the properties of all parsers, at length", run }],
};

/// Where properties stand beside the code.
const PARSERS: [&str; 9] = [
    "access::signed",
    "access::token",
    "base::email",
    "base::language",
    "config::urls",
    "features::users::search",
    "http::extract",
    "http::middleware",
    "http::page",
];

fn run(context: &Context) -> Result<Findings> {
    let cases = if context.short { 500 } else { 200_000 };
    let begun = Instant::now();
    let mut test = process::command("cargo");
    test.args(["test", "--quiet", "--locked", "--lib", "--"]).args(PARSERS);
    test.env("PROPTEST_CASES", cases.to_string()).env("PROPTEST_RNG_SEED", context.seed.to_string());
    let outcome = outcome(&mut test)?;
    let mut findings = Findings::default();
    findings.figure("cases_of_each_property", cases);
    findings.figure("tests", outcome.passed);
    findings.figure("seconds", rounded(begun.elapsed().as_secs_f64()));
    findings.promise(outcome.passed > 0, "nothing was tested");
    if let Some(failed) = outcome.failed {
        findings.promise(false, failed);
    }
    Ok(findings)
}

struct Outcome {
    passed: u64,
    /// What was said of those that failed.
    failed: Option<String>,
}

fn outcome(test: &mut Command) -> Result<Outcome> {
    let output = test.output().context("cargo does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find(|line| line.starts_with("test result:"));
    let said = || format!("{text}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(told.is_some(), "the tests did not run: {}", said());
    let passed = told.and_then(|line| line.split(" passed").next()?.rsplit(' ').next()?.parse().ok());
    Ok(Outcome {
        passed: passed.context("the tests do not say how many passed")?,
        failed: (!output.status.success()).then(said),
    })
}
