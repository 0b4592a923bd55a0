//! The checklist of docs/security.md: complete, and every test that it names is there.

use std::collections::BTreeMap;
use std::path::Path;

use crate::markdown::{Page, root};

const PAGE: &str = "docs/security.md";
const ITEMS: usize = 84;
/// What a row may say, and whether it has to name a test, and to give a reason.
const STATES: [(&str, bool, bool); 5] = [
    ("proven", true, false),
    ("in part", true, true),
    ("not proven", false, true),
    ("later", false, true),
    ("does not apply", false, true),
];

struct Row {
    number: usize,
    state: String,
    /// What stands between backticks and names a test or a drill.
    proofs: Vec<String>,
    /// The rest of the cell in words.
    reason: String,
}

fn is_proof(span: &str) -> bool {
    span.contains(".rs: ") || span.starts_with("cargo xtask drill ")
}

/// The rows of the checklist: those of four cells that begin with a number.
fn rows(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [number, asked, state, shown] = cells.as_slice() else { return None };
        assert!(!asked.trim().is_empty(), "item {number} says nothing");
        let spans: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        let proofs: Vec<String> = spans.into_iter().filter(|s| is_proof(s)).map(str::to_owned).collect();
        let words = proofs.iter().fold((*shown).to_owned(), |text, proof| text.replace(proof, ""));
        let reason = words.trim_start_matches(['`', ',', '.', ' ']).to_owned();
        Some(Row { number: number.parse().ok()?, state: (*state).to_owned(), proofs, reason })
    };
    text.lines().filter_map(row).collect()
}

/// What is wrong with a proof, if anything is.
fn fault(proof: &str) -> Option<String> {
    if let Some(drill) = proof.strip_prefix("cargo xtask drill ") {
        let is_there = Page::read("docs/drills.md").text.contains(&format!("\n| `{drill}` |"));
        return (!is_there).then(|| format!("there is no drill {drill}"));
    }
    let (file, name) = proof.split_once(": ").unwrap();
    let Ok(source) = std::fs::read_to_string(root().join(file)) else {
        return Some(format!("there is no {file}"));
    };
    // In a file of tests every function will do; beside the code only what stands in its tests.
    let tests = match Path::new(file).starts_with("src") && !file.contains("/tests") {
        true => source.split_once("#[cfg(test)]\nmod tests {").map_or("", |(_, tests)| tests),
        false => &source,
    };
    (!tests.contains(&format!("fn {name}("))).then(|| format!("{file} has no test {name}"))
}

#[test]
fn every_item_of_the_checklist_stands_there_once_and_in_order() {
    let numbers: Vec<usize> = rows(&Page::read(PAGE).text).iter().map(|row| row.number).collect();
    assert_eq!(numbers, Vec::from_iter(1..=ITEMS));
}

#[test]
fn every_item_names_its_tests_or_says_why_there_are_none() {
    for Row { number, state, proofs, reason } in rows(&Page::read(PAGE).text) {
        let known = STATES.iter().find(|(name, ..)| *name == state);
        let (_, proven, explained) = known.unwrap_or_else(|| panic!("item {number} is said to be {state}"));
        assert!(!proven || !proofs.is_empty(), "item {number} names no test");
        assert!(!explained || reason.len() > 10, "item {number} gives no reason");
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    let rows = rows(&Page::read(PAGE).text);
    let proofs = rows.iter().flat_map(|row| row.proofs.iter().map(|proof| (row.number, proof)));
    let faults: Vec<String> =
        proofs.filter_map(|(number, proof)| Some(format!("item {number}: {}", fault(proof)?))).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_sums_are_those_of_the_rows() {
    let text = Page::read(PAGE).text;
    let mut sums = BTreeMap::new();
    for row in rows(&text) {
        *sums.entry(row.state).or_insert(0) += 1;
    }
    for (state, ..) in STATES {
        let line = format!("\n| {state} | {} |\n", sums.get(state).unwrap_or(&0));
        assert!(text.contains(&line), "the table of sums does not say{line}");
    }
}

#[test]
fn every_source_file_that_is_named_is_there() {
    for code in Page::read(PAGE).spans() {
        let is_file = code.text.starts_with("src/") || code.text.starts_with("tests/");
        if is_file && !is_proof(&code.text) {
            assert!(root().join(&code.text).is_file(), "there is no {}", code.text);
        }
    }
}

#[test]
fn a_row_is_read_and_a_proof_that_is_not_there_is_caught() {
    let line = "| 7 | all | in part | `tests/docs/security.rs: rows`, `cargo xtask drill races`. Not `x`. |";
    let found = rows(line).remove(0);
    assert_eq!((found.number, found.state.as_str(), found.proofs.len()), (7, "in part", 2));
    assert!(found.reason.ends_with("Not `x`."), "{}", found.reason);
    assert!(found.proofs.iter().all(|proof| fault(proof).is_none()));
    for gone in
        ["tests/docs/security.rs: row", "tests/no.rs: rows", "cargo xtask drill none", "src/lib.rs: main"]
    {
        assert!(fault(gone).is_some(), "{gone}");
    }
    assert!(rows("| 7 | all of it | later |").is_empty());
}
