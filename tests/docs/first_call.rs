//! The README's first call, word for word, against the built server.

use serde_json::Value;

use crate::markdown::{Code, Page};
use crate::program::{self, Server};

const HEADING: &str = "A first call";
const MARK: &str = "--- the next block ---";
/// What is another each time.
const FRESH: [&str; 5] = ["id", "created_at", "updated_at", "last_login_at", "request_id"];

/// Where an answer is not what is shown; nothing if they agree.
fn differences(at: &str, shown: &Value, got: &Value) -> Vec<String> {
    let is_fresh = FRESH.iter().any(|name| at.ends_with(&format!("/{name}")));
    match (shown, got) {
        (Value::Object(shown), Value::Object(got)) => {
            let field = |(name, shown): (&String, &Value)| match got.get(name) {
                Some(got) => differences(&format!("{at}/{name}"), shown, got),
                None => vec![format!("{at}/{name}: shown {shown}, got nothing")],
            };
            let hidden = got.iter().filter(|(name, _)| !shown.contains_key(*name));
            let hidden = hidden.map(|(name, got)| format!("{at}/{name}: not shown, got {got}"));
            shown.iter().flat_map(field).chain(hidden).collect()
        }
        (Value::String(_), Value::String(_)) if is_fresh => Vec::new(),
        _ if shown == got => Vec::new(),
        _ => vec![format!("{at}: shown {shown}, got {got}")],
    }
}

#[test]
fn a_difference_is_seen_wherever_it_is() {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let shown = parse(r#"{"id": "1", "roles": ["user"], "at": null}"#);
    assert!(differences("", &shown, &parse(r#"{"id": "2", "roles": ["user"], "at": null}"#)).is_empty());
    for other in [
        r#"{"id": 2, "roles": ["user"], "at": null}"#,
        r#"{"id": "2", "roles": ["admin"], "at": null}"#,
        r#"{"id": "2", "roles": ["user"]}"#,
        r#"{"id": "2", "roles": ["user"], "at": null, "more": true}"#,
    ] {
        assert_eq!(differences("", &shown, &parse(other)).len(), 1, "{other}");
    }
}

#[test]
fn the_first_call_of_the_readme_answers_as_shown() {
    let blocks: Vec<Code> =
        Page::read("README.md").blocks().into_iter().filter(|block| block.heading == HEADING).collect();
    let (scripts, answers): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block.language == "sh");
    assert!(scripts.len() >= 4 && scripts.len() == answers.len(), "each call shows its answer");

    let server = Server::start();
    let script: String = scripts.iter().map(|block| format!("{}echo; echo '{MARK}'\n", block.text)).collect();
    assert!(script.contains("localhost:8080"), "the calls go to the port that a first start listens on");
    let script = script.replace("localhost:8080", &server.address);
    let output = program::command("sh", server.folder.path()).args(["-e", "-c", &script]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the calls need curl and sed: {errors}");

    let output = String::from_utf8(output.stdout).unwrap();
    for (shown, got) in answers.iter().zip(output.split(MARK)) {
        match shown.language.as_str() {
            "json" => {
                let parse =
                    |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| panic!("{text}"));
                let faults = differences("", &parse(&shown.text), &parse(got));
                assert!(faults.is_empty(), "{}", faults.join("\n"));
            }
            _ => assert_eq!(shown.text.trim(), got.trim()),
        }
    }
}
