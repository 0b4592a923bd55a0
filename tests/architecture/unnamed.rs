//! Test files that no `mod` names: they would never run, and nobody would notice.

use std::path::Path;

use syn::Item;

use crate::source::{Fault, House, Module, Source};

/// The faults of one folder of tests, whose root is its `main.rs`.
pub fn check(house: &House) -> Vec<Fault> {
    let module = |source: &Source| if source.is_binary() { Module::new() } else { source.module.clone() };
    let is_named = |source: &Source| {
        let module = module(source);
        let Some((name, above)) = module.split_last() else { return true };
        let parent = house.sources.iter().find(|other| module_is(other, above));
        parent.is_some_and(|parent| declares(parent, name))
    };
    let unnamed = house.sources.iter().filter(|source| !is_named(source));
    let fault = |source: &Source| {
        let name = module(source).pop().unwrap_or_default();
        Fault::new(
            &source.path,
            1,
            "no `mod` names it, so it never runs",
            format!("Write `mod {name};` above it."),
        )
    };
    unnamed.map(fault).collect()
}

/// Whether this is the file of a module; of the root it is `main.rs`.
fn module_is(source: &Source, module: &[String]) -> bool {
    if source.is_binary() { module.is_empty() } else { source.module == module }
}

fn declares(source: &Source, name: &str) -> bool {
    source.ast.items.iter().any(|item| matches!(item, Item::Mod(module) if module.ident == name))
}

#[test]
fn every_test_file_is_named_by_a_mod() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = std::fs::read_dir(tests).unwrap().map(|entry| entry.unwrap().path());
    let mut seen = 0;
    for folder in folders.filter(|folder| folder.join("main.rs").exists()) {
        let list: Vec<_> = check(&House::read(&folder).unwrap()).iter().map(Fault::to_string).collect();
        assert!(list.is_empty(), "\nin {}:\n{}\n", folder.display(), list.join("\n"));
        seen += 1;
    }
    assert!(seen >= 4, "the tests are not where they are looked for");
}

#[test]
fn a_file_that_no_mod_names_is_found_at_any_depth() {
    let house = House::of([
        ("main.rs", "mod notes; mod harness;"),
        ("notes.rs", "mod lists;"),
        ("notes/lists.rs", ""),
        ("notes/races.rs", ""),
        ("harness/mod.rs", "mod app;"),
        ("harness/app.rs", ""),
        ("forgotten.rs", ""),
    ]);
    let found: Vec<_> = check(&house.unwrap()).into_iter().map(|fault| fault.file).collect();
    assert_eq!(found, ["forgotten.rs", "notes/races.rs"]);
}
