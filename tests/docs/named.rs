//! What the pages name: files, commands, settings, operations, modules. All of it exists.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::Table;

use crate::markdown::{Code, Page, commands, pages, root};
use crate::program;

/// The headings under which the READMEs say what is not there, in each language.
const NOT_YET: [&str; 2] = ["Not yet", "还没有"];

fn is_said_to_be_missing(code: &Code) -> bool {
    NOT_YET.contains(&code.heading.as_str())
}

fn expect_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A fault where what a page says of `what` is not so.
fn contradiction(page: &Page, code: &Code, what: &str, exists: bool) -> Option<String> {
    let page = page.path.display();
    match (exists, is_said_to_be_missing(code)) {
        (false, false) => Some(format!("{page}: there is no `{what}`")),
        (true, true) => Some(format!("{page}: `{what}` is there by now; say so, and take it off the list")),
        _ => None,
    }
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut faults = Vec::new();
    for page in pages() {
        for link in page.links().into_iter().filter(|link| !link.contains(':')) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.path.clone(),
                file => page.path.parent().unwrap().join(file),
            };
            let has_heading =
                || Page::read(target.to_str().unwrap()).anchors().iter().any(|anchor| anchor == heading);
            if !root().join(&target).exists() || !heading.is_empty() && !has_heading() {
                faults.push(format!("{}: the link to {link} leads nowhere", page.path.display()));
            }
        }
    }
    expect_none(&faults);
}

/// The arguments of each `stead …` in a line of shell; in a checkout that is `cargo run -- …`.
fn invocations(line: &str) -> Vec<Vec<&str>> {
    let is_assignment = |word: &&str| word.contains('=') && word.starts_with(|c: char| c.is_uppercase());
    let invocation = |part| {
        let words: Vec<&str> = str::split_whitespace(part).skip_while(is_assignment).collect();
        match words.as_slice() {
            ["stead", arguments @ ..] | ["cargo", "run", "--", arguments @ ..] => Some(arguments.to_vec()),
            ["cargo", "run"] => Some(Vec::new()),
            _ => None,
        }
    };
    line.split(['|', '&', ';']).filter_map(invocation).collect()
}

#[test]
fn every_command_exists() {
    let mut faults = BTreeSet::new();
    let mut looked_at = 0;
    for page in pages() {
        let scripts = page.blocks().into_iter().filter(|block| block.language == "sh");
        for code in scripts.chain(page.spans()) {
            for line in commands(&code.text) {
                for arguments in invocations(&line) {
                    looked_at += 1;
                    faults.extend(contradiction(&page, &code, &line, program::is_command(&arguments)));
                }
            }
        }
    }
    assert!(looked_at > 10, "the commands are not where they are looked for");
    expect_none(&Vec::from_iter(faults));
}

#[test]
fn commands_that_only_look_do_what_the_pages_say() {
    let shown = String::from_utf8(program::stead(&["config", "show"]).stdout).unwrap();
    assert!(shown.contains("server.port") && shown.contains("built-in default"), "{shown}");
    let checked = program::stead(&["config", "check", "--env", "prod", "--json"]);
    assert_eq!(checked.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let described = program::document()["openapi"].as_str().map(str::to_owned);
    assert!(described.is_some_and(|version| version.starts_with("3.1")));
}

fn paths(above: &str, table: &Table) -> Vec<String> {
    let path = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    let below = |(name, value): (&String, &toml::Value)| match value {
        toml::Value::Table(table) => paths(&path(name), table),
        _ => vec![path(name)],
    };
    table.iter().flat_map(below).collect()
}

/// `server.port` or `rate_limit.*`, and nothing that merely looks like it, such as a file.
fn is_setting(span: &str, reference: &Table) -> bool {
    let sound = span.bytes().all(|b| b.is_ascii_lowercase() || b"._*".contains(&b));
    let (section, rest) = span.split_once('.').unwrap_or_default();
    let is_file = ["rs", "toml", "md", "sql", "db"].contains(&rest);
    sound && !is_file && reference.get(section).is_some_and(toml::Value::is_table)
}

/// `APP_SERVER__PORT` and its like, with or without `_FILE`.
fn variables(text: &str) -> Vec<String> {
    let names = text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    names
        .filter(|name| name.strip_prefix("APP_").is_some_and(|rest| !rest.is_empty()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_setting_is_in_the_reference() {
    let reference: Table = include_str!("../../config/default.toml").parse().unwrap();
    let known: BTreeSet<String> = paths("", &reference).into_iter().collect();
    let is_known = |path: &str| match path.strip_suffix(".*") {
        Some(section) => reference.contains_key(section),
        None => known.contains(path),
    };
    let mut faults = BTreeSet::new();
    for page in pages() {
        let place = page.path.display();
        for code in page.spans().iter().filter(|code| is_setting(&code.text, &reference)) {
            if !is_known(&code.text) {
                faults.insert(format!("{place}: `{}` is not in config/default.toml", code.text));
            }
        }
        for variable in variables(&page.text) {
            let path = |name: &str| name.trim_start_matches("APP_").to_lowercase().replace("__", ".");
            let chooses = ["APP_ENV", "APP_CONFIG_FILE"].contains(&variable.as_str());
            if !chooses && !is_known(&path(&variable)) && !is_known(&path(variable.trim_end_matches("_FILE")))
            {
                faults.insert(format!("{place}: {variable} is the variable of no key"));
            }
        }
    }
    expect_none(&Vec::from_iter(faults));
}

#[test]
fn every_operation_is_in_the_api_document() {
    const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    // For browsers or for operators, and no part of the API.
    const PAGES: [&str; 6] =
        ["/docs", "/openapi.json", "/dev/mail", "/verify-email", "/metrics", "/log-level"];
    let document = program::document();
    let mut faults = Vec::new();
    for page in pages() {
        for code in page.spans() {
            let Some((method, path)) = code.text.split_once(' ').filter(|(m, _)| METHODS.contains(m)) else {
                continue;
            };
            let exists = document["paths"][path].get(method.to_lowercase()).is_some();
            faults.extend(contradiction(&page, &code, &code.text, exists || PAGES.contains(&path)));
        }
    }
    expect_none(&faults);
}

#[test]
fn the_picture_and_the_table_show_every_floor() {
    let picture = include_str!("../../docs/floors.svg");
    let table = Page::read("docs/architecture.md").text;
    for line in include_str!("../../src/lib.rs").lines().filter(|line| line.contains("// floor ")) {
        let module = line.trim_start_matches("pub mod ").split(';').next().unwrap();
        let floor = line.split("// floor ").nth(1).unwrap().split(':').next().unwrap();
        assert!(picture.contains(module), "docs/floors.svg does not show {module}");
        assert!(
            table.contains(&format!("| {floor} | `{module}` |")),
            "docs/architecture.md does not have {module} on floor {floor}"
        );
    }
}

#[test]
fn both_readmes_show_the_same() {
    let (english, chinese) = (Page::read("README.md"), Page::read("README.zh-CN.md"));
    let shown = |page: &Page| -> Vec<(String, Vec<String>)> {
        page.blocks().into_iter().map(|block| (block.language, commands(&block.text))).collect()
    };
    assert_eq!(shown(&english), shown(&chinese), "the blocks differ");
    let listed = |page: &Page| -> BTreeSet<String> {
        page.spans().into_iter().filter(is_said_to_be_missing).map(|code| code.text).collect()
    };
    let is_headed =
        |page: &Page| NOT_YET.iter().any(|heading| page.text.contains(&format!("\n## {heading}\n")));
    assert!(
        is_headed(&english) && is_headed(&chinese),
        "what is not there yet is not where it is looked for"
    );
    assert_eq!(listed(&english), listed(&chinese), "the lists of what is not there yet differ");
}
