//! The page about people in and out: its files, its commands, and what it says they print.

use std::fs;

use stead::features::users::transfer::row::COLUMNS;

use crate::markdown::Page;
use crate::program;

const PAGE: &str = "docs/import.md";

#[test]
fn the_files_and_the_commands_do_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &str| {
        let mut command = program::command(env!("CARGO_BIN_EXE_stead"), folder.path());
        let output = command.args(arguments.split_whitespace()).output().unwrap();
        String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap()
    };
    run("migrate up");
    let blocks = Page::read(PAGE).blocks();
    for block in &blocks {
        if let Some((_, name)) = block.language.split_once(' ') {
            fs::write(folder.path().join(name), &block.text).unwrap();
        }
    }
    let told = blocks.iter().find(|block| block.language == "text").unwrap();
    let said = run("user import people.csv --report refused.ndjson");
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    let mut promised: Vec<&str> = told.text.lines().collect();
    promised.sort_unstable();
    assert_eq!(lines, promised);
    assert_eq!(run("user import people.ndjson"), "made 2 accounts, refused 0 lines\n");
    assert!(run("user export people-out.csv").contains("exported 5 accounts"));
    assert_eq!(run("user import people-out.csv --dry-run").matches("the address has an account").count(), 5);
    let made = run("fake users 1000 --seed 7");
    assert_eq!(made, "made 1000 accounts, refused 0 lines\n");
    assert_eq!(run("fake users 500 --output fake.ndjson --broken 5").lines().count(), 5);
    assert!(run("user import fake.ndjson").contains("made 500 accounts, refused 5 lines"));
}

#[test]
fn the_page_has_a_row_for_each_column() {
    let page = Page::read(PAGE).text;
    for column in COLUMNS {
        assert!(page.contains(&format!("`{column}`")), "{column}");
    }
}
