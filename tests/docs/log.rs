//! The page for operators knows every line that asks for their attention.

use std::path::Path;

use crate::markdown::{Page, root};

/// The messages of all calls of `call` in a source: the last text of each that stands in no other call.
fn messages(source: &str, call: &str) -> Vec<String> {
    let calls = source.split(call).skip(1);
    calls.filter_map(|rest| texts(rest).pop()).collect()
}

/// The texts among the arguments of a call, up to its end.
fn texts(arguments: &str) -> Vec<String> {
    let (mut texts, mut depth, mut pieces) = (Vec::new(), 0, arguments.split('"'));
    while let Some(code) = pieces.next() {
        for c in code.chars() {
            match c {
                '(' => depth += 1,
                ')' if depth == 0 => return texts,
                ')' => depth -= 1,
                _ => {}
            }
        }
        texts.extend(pieces.next().filter(|_| depth == 0).map(str::to_owned));
    }
    texts
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => sources(&path, found),
            path => found.push(std::fs::read_to_string(path).unwrap_or_default()),
        }
    }
}

#[test]
fn every_line_at_warn_or_error_is_on_the_page_for_operators() {
    let page = Page::read("docs/operations.md").text;
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let calls = ["tracing::warn!(", "tracing::error!("];
    let told: Vec<_> =
        files.iter().flat_map(|file| calls.map(|call| messages(file, call))).flatten().collect();
    assert!(told.len() > 20, "the calls are not where they are looked for: {told:?}");
    // What varies, and what only explains, is not looked for.
    let beginning = |told: &String| told.split(['{', ':', ';']).next().unwrap_or_default().trim().to_owned();
    let missing: Vec<_> = told.iter().map(beginning).filter(|told| !page.contains(told)).collect();
    assert!(missing.is_empty(), "docs/operations.md does not name {missing:#?}");
}
