//! A dry run says what the run itself says: the same lines, the same reasons, the same counts.

use serde_json::{Value, json};

use super::{PASSWORD, emails, report, write};
use crate::program::Folder;
use crate::{on_both, postgres};

const DEAR: &str =
    "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Somebody who is there, somebody who was, and a role.
fn people_before(folder: &Folder) {
    for email in ["taken@example.com", "gone@example.com"] {
        folder.feed(&format!("user create {email} --password-stdin"), PASSWORD).expect(0);
    }
    folder.run("user delete gone@example.com").expect(0);
    folder.run("role create auditor --permission audit:read").expect(0);
}

/// Imports a file twice, the first time only for the look of it: what both said, which is the same.
fn both_say(folder: &Folder, name: &str) -> (Value, Vec<(u64, String)>) {
    let say = |option: &str| {
        let outcome =
            folder.run(&format!("user import {name} --invite --json --report r {option}")).expect(1);
        let mut told = outcome.json();
        let kept = told.as_object_mut().unwrap().remove("kept");
        let faults: Vec<_> =
            outcome.stderr.lines().filter(|line| line.starts_with("line ")).map(str::to_owned).collect();
        let text = std::fs::read_to_string(folder.path().join("r")).unwrap();
        (kept, (told, faults, text))
    };
    let before = emails(folder);
    let (kept, rehearsed) = say("--dry-run");
    assert_eq!((kept, emails(folder)), (Some(json!(false)), before));
    let (kept, done) = say("");
    assert_eq!(kept, Some(json!(true)));
    assert_eq!(rehearsed, done, "{name}");
    (done.0, report(folder, "r"))
}

fn coded<const N: usize>(faults: [(u64, &str); N]) -> Vec<(u64, String)> {
    faults.map(|(line, code)| (line, code.to_owned())).into()
}

on_both! {
    async fn of_a_table(folder: Folder) {
        people_before(&folder);
        let mut csv = "\u{FEFF}email,display_name,roles,password_hash,password\r\n".as_bytes().to_vec();
        for line in [
            "gone@example.com,,,,",
            // A record of three lines that is good, and one of two that is not.
            "ada@example.com,Ada,\"auditor;\r\n\r\nadmin\",,",
            "b@example.com,\"two\r\nlines\",,,",
            "ADA@Example.COM,,,,",
            "x@b\u{fc}cher.example,,,,",
            "X@bu\u{308}cher.example,,,,",
            "y@xn--bcher-kva.example,,,,",
            // Only who is taken in has the address.
            "c@example.com,,,,password1",
            "c@example.com,,,,seven purple otters dance",
            "C@example.com,,boss,,",
            "C@example.com,,,,",
            "TAKEN@example.com,,,,",
            "taken@example.com,,,,",
            "d@example.com,,boss,,",
        ] {
            csv.extend_from_slice(format!("{line}\r\n").as_bytes());
        }
        csv.extend_from_slice(format!("e@example.com,,,\"{DEAR}\",\r\n").as_bytes());
        csv.extend_from_slice(b"f@example.com,\xff,,,\r\n\r\nlast@example.com,,,,");
        write(&folder, "people.csv", csv);
        let (told, faults) = both_say(&folder, "people.csv");
        let expected = coded([
            (6, "invalid_value"),
            (8, "duplicate_email"),
            (10, "duplicate_email"),
            (12, "weak_password"),
            (14, "unknown_role"),
            (15, "duplicate_email"),
            (16, "email_taken"),
            (17, "duplicate_email"),
            (18, "unknown_role"),
            (19, "invalid_hash"),
            (20, "invalid_utf8"),
        ]);
        assert_eq!(faults, expected);
        assert_eq!((&told["made"], &told["invited"], &told["refused"]), (&json!(6), &json!(5), &json!(11)), "{told}");
        let mut emails = emails(&folder);
        emails.sort_unstable();
        let made = ["ada@example.com", "c@example.com", "gone@example.com", "last@example.com", "taken@example.com", "x@xn--bcher-kva.example", "y@xn--bcher-kva.example"];
        assert_eq!(emails, made);
        assert_eq!(folder.run("user show ada@example.com --json").expect(0).json()["roles"], json!(["admin", "auditor", "user"]));
    }

    async fn of_lines_of_json(folder: Folder) {
        people_before(&folder);
        let mut lines = "\u{FEFF}{\"email\": \"ada@example.com\"}\r\n\r\n".to_owned();
        for line in [
            format!("{{\"email\": \"b@example.com\", \"display_name\": \"{}\"}}", "x".repeat(1 << 20)),
            "{\"email\": \"Ada@example.com\"}".to_owned(),
            "{\"email\": \"gone@example.com\", \"roles\": [\"auditor\"]}".to_owned(),
            "{\"email\": \"taken@example.com\"}".to_owned(),
            "{\"email\": \"c@example.com\", \"password\": \"password1\"}".to_owned(),
            "{\"email\": \"c@example.com\"}".to_owned(),
            format!("{{\"email\": \"d@example.com\", \"password_hash\": \"{DEAR}\"}}"),
            "{\"email\": \"e@example.com\", \"roles\": [\"boss\"]}".to_owned(),
            "{\"email\": \"f@example.com\", \"display_name\": \"\\ud800\"}".to_owned(),
            "{\"email\": \"g@example.com\", \"display_name\": \"\\u0000\"}".to_owned(),
        ] {
            lines.push_str(&line);
            lines.push('\n');
        }
        write(&folder, "people.ndjson", [lines.as_bytes(), b"{\"email\": \"\xff\"}"].concat());
        let (told, faults) = both_say(&folder, "people.ndjson");
        let expected = coded([
            (3, "too_long"),
            (4, "duplicate_email"),
            (6, "email_taken"),
            (7, "weak_password"),
            (9, "invalid_hash"),
            (10, "unknown_role"),
            (11, "invalid_json"),
            (12, "invalid_value"),
            (13, "invalid_utf8"),
        ]);
        assert_eq!(faults, expected);
        assert_eq!((&told["made"], &told["refused"]), (&json!(3), &json!(9)), "{told}");
    }
}

#[test]
fn a_file_without_people_is_no_failure_and_one_without_columns_is() {
    let folder = super::folder();
    for (name, text) in
        [("a.csv", "email\r\n"), ("b.csv", "\u{FEFF}email,roles"), ("c.ndjson", ""), ("d.ndjson", "\n\r\n")]
    {
        write(&folder, name, text);
        for option in ["--dry-run", "--all-or-nothing", ""] {
            let outcome = folder.run(&format!("user import {name} {option}")).expect(0);
            assert!(outcome.stdout.ends_with("0 accounts, refused 0 lines\n"), "{}", outcome.stdout);
        }
    }
    for (name, text, word) in [
        ("e.csv", "", "the file is empty"),
        ("f.csv", "\u{FEFF}", "email is missing"),
        ("g.csv", "email,roles,email\na@example.com,,\n", "email is there twice"),
    ] {
        write(&folder, name, text);
        for option in ["--dry-run", "--all-or-nothing", ""] {
            folder.run(&format!("user import {name} {option}")).fails(&["line 1", word]);
        }
    }
}

#[test]
fn a_pipe_is_read_as_a_file_is() {
    let folder = super::folder();
    let lines: String = (0..2500).map(|n| format!("{{\"email\": \"p{n}@example.com\"}}\n")).collect();
    for option in ["--dry-run", ""] {
        let outcome = folder.feed(&format!("user import /dev/stdin --format ndjson --json {option}"), &lines);
        assert_eq!(outcome.expect(0).json()["made"], 2500);
    }
    assert_eq!(emails(&folder).len(), 2500);
    folder.feed("user import /dev/stdin --format ndjson --all-or-nothing", &lines).fails(&["give it a file"]);
}
