//! What a part of a drill leaves behind: `drill-reports/NAME-partK.json`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::process;
use crate::server::Profile;

#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Clone)]
pub struct Commit {
    pub id: String,
    /// There were changes that the commit does not have, so it does not say what ran.
    pub dirty: bool,
}

impl Commit {
    pub fn current() -> Result<Self> {
        let id = process::output(process::command("git").args(["rev-parse", "HEAD"]))?;
        let changes = process::output(process::command("git").args(["status", "--porcelain"]))?;
        Ok(Self { id, dirty: !changes.is_empty() })
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Passed,
    Failed,
}

#[derive(Serialize, Deserialize)]
pub struct Report {
    pub drill: String,
    pub part: usize,
    pub commit: Commit,
    pub profile: Profile,
    pub short: bool,
    pub seed: u64,
    /// RFC 3339, UTC.
    pub started: String,
    pub seconds: f64,
    pub figures: Map<String, Value>,
    pub verdict: Verdict,
    pub faults: Vec<String>,
}

impl Report {
    /// The report an earlier run left. One that cannot be read counts as none.
    pub fn read(drill: &str, part: usize, short: bool) -> Option<Self> {
        let text = fs::read_to_string(file(drill, part, short)).ok()?;
        serde_json::from_str(&text).ok()
    }

    pub fn write(&self) -> Result<PathBuf> {
        let file = file(&self.drill, self.part, self.short);
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(file)
    }

    /// Whether running the part again would tell nothing new.
    pub fn stands_for(&self, commit: &Commit, profile: Profile) -> bool {
        self.verdict == Verdict::Passed && self.commit == *commit && !commit.dirty && self.profile == profile
    }
}

fn file(drill: &str, part: usize, short: bool) -> PathBuf {
    let suffix = if short { "-short" } else { "" };
    process::root().join("drill-reports").join(format!("{drill}-part{part}{suffix}.json"))
}

/// All parts with their figures, for a reader.
pub fn table(reports: &[Report]) -> String {
    let mut lines = Vec::new();
    for report in reports {
        let verdict = if report.verdict == Verdict::Passed { "passed" } else { "FAILED" };
        let dirty = if report.commit.dirty { "+changes" } else { "" };
        let commit: String = report.commit.id.chars().take(10).collect();
        lines.push(format!(
            "{:<12} part {:<2} {verdict} {:>8.1} s  {commit}{dirty} seed {}",
            report.drill, report.part, report.seconds, report.seed
        ));
        let width = report.figures.keys().map(String::len).max().unwrap_or_default();
        lines.extend(report.figures.iter().map(|(name, value)| format!("    {name:<width$}  {value}")));
        lines.extend(report.faults.iter().map(|fault| format!("    FAULT: {fault}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: Verdict, dirty: bool) -> Report {
        Report {
            drill: "start".to_owned(),
            part: 1,
            commit: Commit { id: "c0ffee".to_owned(), dirty },
            profile: Profile::Release,
            short: false,
            seed: 7,
            started: "2026-01-01T00:00:00Z".to_owned(),
            seconds: 1.0,
            figures: Map::from_iter([("p95_ms".to_owned(), Value::from(3))]),
            verdict,
            faults: vec!["too slow".to_owned()],
        }
    }

    #[test]
    fn only_a_pass_on_this_very_commit_and_profile_saves_a_run() {
        let commit = |id: &str, dirty| Commit { id: id.to_owned(), dirty };
        let passed = report(Verdict::Passed, false);
        assert!(passed.stands_for(&commit("c0ffee", false), Profile::Release));
        assert!(!passed.stands_for(&commit("c0ffee", false), Profile::Dev));
        assert!(!passed.stands_for(&commit("decaf", false), Profile::Release));
        assert!(!passed.stands_for(&commit("c0ffee", true), Profile::Release));
        assert!(!report(Verdict::Failed, false).stands_for(&commit("c0ffee", false), Profile::Release));
        assert!(!report(Verdict::Passed, true).stands_for(&commit("c0ffee", true), Profile::Release));
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let text = serde_json::to_string(&report(Verdict::Failed, true)).unwrap();
        let back: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }

    #[test]
    fn the_table_shows_figures_and_faults() {
        let table = table(&[report(Verdict::Failed, true)]);
        for shown in ["FAILED", "c0ffee+changes", "seed 7", "p95_ms", "FAULT: too slow"] {
            assert!(table.contains(shown), "{shown} in {table}");
        }
    }
}
