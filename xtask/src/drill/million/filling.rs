//! The import: how fast, in how much memory, and whether every broken line is told.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::drill::figures::rounded;
use crate::drill::stage::Stage;
use crate::drill::{Context, Findings};
use crate::process;

/// However many people there are.
const MOST_MEMORY_KIB: u64 = 100 * 1024;
const FILE: &str = "people.ndjson";
const REPORT: &str = "report.ndjson";

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Broken {
    line: u64,
    code: String,
}

/// Writes people and broken lines into a file, and imports it.
pub fn fill(
    context: &Context,
    stage: &Stage,
    people: u64,
    name: &str,
    findings: &mut Findings,
) -> Result<()> {
    let (count, seed) = (people.to_string(), (context.seed % 1_000_000).to_string());
    let broken = (people / 1000).max(20).to_string();
    let planted = stage.operator(&[
        "fake", "users", &count, "--seed", &seed, "--output", FILE, "--broken", &broken, "--json",
    ])?;
    let planted: Vec<Broken> = serde_json::from_str(&planted)?;

    let begun = Instant::now();
    let mut import = stage.place.command(&stage.binary);
    import.args(["user", "import", FILE, "--report", REPORT, "--json"]);
    let mut import = import.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    while import.try_wait()?.is_none() {
        peak = peak.max(peak_kib(import.id()).unwrap_or_default());
        sleep(Duration::from_millis(20));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let output = import.wait_with_output()?;
    let summary: Value = serde_json::from_slice(&output.stdout).context("the import said nothing")?;

    findings.figure(&format!("{name}_people"), people);
    findings.figure(&format!("{name}_import_seconds"), rounded(seconds));
    findings.figure(&format!("{name}_import_rows_per_second"), rounded(people as f64 / seconds));
    findings.figure(&format!("{name}_import_peak_rss_kib"), peak);
    findings.figure(&format!("{name}_broken_lines"), planted.len());
    findings.promise(summary["made"] == people, format!("of {people} people {} were made", summary["made"]));
    findings.promise(
        peak <= MOST_MEMORY_KIB,
        format!("the import took {peak} KiB of memory, over {MOST_MEMORY_KIB}"),
    );
    let report = fs::read_to_string(stage.place.folder().join(REPORT))?;
    let told: Vec<Broken> = report.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    findings.promise(told == planted, "the report of broken lines is not what was planted");
    ensure!(!told.is_empty(), "there are no broken lines");
    Ok(())
}

/// The most memory that a process ever had in use, in KiB (VmHWM).
fn peak_kib(pid: u32) -> Result<u64> {
    process::status_kib(pid, "VmHWM:")
}
