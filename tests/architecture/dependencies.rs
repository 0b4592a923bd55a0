//! `docs/dependencies.md` gives a reason for each crate we name, and for no other.

use std::collections::BTreeSet;

/// Table rows of the page below a heading: the crate, when a reason stands beside it.
fn explained(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.filter(|(_, reason)| reason.trim_matches([' ', '|']).len() > 3)
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn named(manifest: &str, table: &str) -> BTreeSet<String> {
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let table = manifest.get(table).and_then(toml::Value::as_table);
    table.into_iter().flat_map(toml::Table::keys).cloned().collect()
}

#[test]
fn every_dependency_has_its_reason() {
    let page = include_str!("../../docs/dependencies.md");
    let (own, xtask) = (include_str!("../../Cargo.toml"), include_str!("../../xtask/Cargo.toml"));
    let places = [
        ("The server", own, "dependencies"),
        ("Tests", own, "dev-dependencies"),
        ("xtask", xtask, "dependencies"),
    ];
    for (heading, manifest, table) in places {
        let (explained, named) = (explained(page, heading), named(manifest, table));
        let silent: Vec<_> = named.difference(&explained).collect();
        let gone: Vec<_> = explained.difference(&named).collect();
        assert!(silent.is_empty(), "say in docs/dependencies.md, `{heading}`, why we need {silent:?}");
        assert!(
            gone.is_empty(),
            "docs/dependencies.md, `{heading}`, explains what we no longer use: {gone:?}"
        );
    }
}

#[test]
fn a_row_without_a_reason_does_not_count() {
    let page = "\n## Tests\n| crate | why |\n| `one` | is needed |\n| `two` |  |\n\n## xtask\n| `three` | also needed |";
    assert_eq!(explained(page, "Tests"), BTreeSet::from(["one".to_owned()]));
    assert_eq!(named("[dependencies]\na = '1'\n[dependencies.b]\nversion = '1'", "dependencies").len(), 2);
}
