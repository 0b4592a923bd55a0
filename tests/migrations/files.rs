//! What the files themselves must be like.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use stead::db::Driver;
use stead::db::migrate::embedded;

const LIST: &str = include_str!("../../migrations/checksums.txt");

/// Every file with its text, as `sqlite/0001_users.up.sql`.
fn all() -> Vec<(String, &'static str)> {
    let of = |folder: &'static str, driver| {
        embedded(driver).into_iter().flat_map(move |m| {
            let file = |direction| format!("{folder}/{:04}_{}.{direction}.sql", m.version, m.name);
            [(file("up"), m.up), (file("down"), m.down.unwrap_or_default())]
        })
    };
    of("sqlite", Driver::Sqlite).chain(of("postgres", Driver::Postgres)).collect()
}

/// As `sha256sum` writes it.
fn line(file: &str, text: &str) -> String {
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}  {file}")
}

#[test]
fn a_file_never_changes_once_its_checksum_is_listed() {
    let listed = LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let listed: BTreeMap<_, _> = listed.filter_map(|line| Some((line.split_once("  ")?.1, line))).collect();
    let all = all();
    let lines: Vec<_> = all.iter().map(|(file, text)| (file.as_str(), line(file, text))).collect();
    for (file, line) in &lines {
        if let Some(listed) = listed.get(file) {
            assert_eq!(
                line, listed,
                "migrations/{file} has changed. Databases have it applied as it was: restore it, and put the \
                 change into a new migration. The entry of an `up` file is never altered."
            );
        }
    }
    for file in listed.keys() {
        let is_there = lines.iter().any(|(present, _)| present == file);
        assert!(is_there, "migrations/{file} is gone; an applied file stays");
    }
    let missing = lines.iter().filter(|(file, _)| !listed.contains_key(file));
    let missing: Vec<_> = missing.map(|(_, line)| line.as_str()).collect();
    assert!(
        missing.is_empty(),
        "new migrations: once they are final, append these lines to migrations/checksums.txt:\n{}",
        missing.join("\n")
    );
}

/// The statements of a file, in lower case on one line each, without comments.
fn statements(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join(" ").to_lowercase();
    let words = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ");
    code.split(';').map(words).filter(|statement| !statement.is_empty()).collect()
}

/// Columns that are added `not null` without a default: rows that are there would have no value.
fn without_default(text: &str) -> Vec<String> {
    let added = |statement: &String| {
        let clauses = statement.split("add column ").skip(1).map(|clause| clause.trim().to_owned());
        clauses.collect::<Vec<_>>()
    };
    let lacks = |clause: &String| clause.contains("not null") && !clause.contains(" default ");
    statements(text).iter().flat_map(added).filter(lacks).collect()
}

#[test]
fn a_column_that_is_added_not_null_has_a_default() {
    for (file, text) in all() {
        assert_eq!(without_default(text), Vec::<String>::new(), "{file}");
    }
    let bad =
        "-- expand\nalter table t\n  add column a text NOT NULL,\n  add column b text not null default 'x';";
    assert_eq!(without_default(bad), ["a text not null,"]);
}

#[test]
fn an_index_that_is_built_concurrently_is_dropped_first() {
    for (file, text) in all().iter().filter(|(file, _)| file.ends_with(".up.sql")) {
        let all = statements(text);
        let marked = text.lines().any(|line| line.starts_with("-- no-transaction"));
        for (at, statement) in all.iter().enumerate().filter(|(_, s)| s.contains("index concurrently")) {
            assert!(marked, "{file}: mark it `-- no-transaction`");
            let Some((_, rest)) = statement.split_once("create index concurrently ") else { continue };
            let name = rest.split(' ').next().unwrap_or_default();
            let drop = format!("drop index concurrently if exists {name}");
            assert!(at > 0 && all[at - 1] == drop, "{file}: put `{drop};` before it");
        }
    }
}

#[test]
fn a_file_that_only_expands_takes_nothing_away() {
    for driver in [Driver::Sqlite, Driver::Postgres] {
        for migration in embedded(driver).iter().filter(|m| m.up.starts_with("-- expand")) {
            let takes = |s: &String| {
                s.starts_with("drop table") || s.contains(" drop column ") || s.contains(" rename ")
            };
            let taken: Vec<_> = statements(migration.up).into_iter().filter(takes).collect();
            assert_eq!(taken, Vec::<String>::new(), "{}: label it `-- contract`", migration.name);
        }
    }
}
