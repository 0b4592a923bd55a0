//! `stead user export`: everybody in a file, and from there into another database.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::import::{PASSWORD, folder};
use crate::program::Folder;
use crate::server::Server;
use crate::{on_both, postgres};

const PEOPLE: &str = "{\"email\": \"ada@example.com\", \"display_name\": \"=Ada, \\\"Countess\\\"\", \"roles\": [\"admin\"], \"locale\": \"en\", \"password\": \"correct horse battery staple\"}
{\"email\": \"bob@example.com\", \"status\": \"suspended\", \"email_verified\": false}
{\"email\": \"eve@example.com\"}
";

/// By address: who was made in one millisecond has no other order.
fn lines(text: &str) -> Vec<Value> {
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["email"].as_str().unwrap().to_owned());
    lines
}

/// What an export says that a new account does not have of its own.
fn without_own(mut line: Value) -> Value {
    for column in ["id", "created_at", "updated_at", "last_login_at"] {
        assert!(line.as_object_mut().unwrap().remove(column).is_some(), "{column}");
    }
    line
}

on_both! {
    async fn what_is_exported_can_be_imported_elsewhere(folder: Folder) {
        folder.feed("user import - --format ndjson", PEOPLE).expect(0);
        folder.feed("user create gone@example.com --password-stdin", PASSWORD).expect(0);
        folder.run("user delete gone@example.com").expect(0);
        let plain = folder.run("user export --format ndjson").expect(0);
        assert_eq!(plain.stderr, "");
        assert!(!plain.stdout.contains("argon2") && !plain.stdout.contains("gone"), "{}", plain.stdout);
        let first = lines(&plain.stdout);
        assert_eq!(without_own(first[0].clone()), json!({
            "email": "ada@example.com", "email_verified": true, "display_name": "=Ada, \"Countess\"",
            "locale": "en", "status": "active", "roles": ["admin", "user"],
        }));
        let whole = folder.run("user export --with-hashes --format ndjson").expect(0);
        assert!(whole.stderr.starts_with("warning: ") && whole.stdout.contains("$argon2id$"));
        for format in ["csv", "ndjson"] {
            let whole = folder.run(&format!("user export --with-hashes --format {format}")).expect(0).stdout;
            let elsewhere = crate::import::folder();
            elsewhere.feed(&format!("user import - --format {format}"), &whole).expect(0);
            let second = lines(&elsewhere.run("user export --format ndjson").expect(0).stdout);
            let bare = |all: &[Value]| all.iter().cloned().map(without_own).collect::<Vec<_>>();
            assert_eq!(bare(&second), bare(&first), "{format}");
            let server = Server::start(&elsewhere);
            assert_eq!(server.login("ada@example.com", PASSWORD).await.0, 200, "{format}");
            server.stop();
        }
    }

    async fn every_account_is_there_once_however_many_pages_they_fill(folder: Folder) {
        let people: String = (0..2345).map(|n| format!("{{\"email\": \"p{n}@example.com\"}}\n")).collect();
        folder.feed("user import - --format ndjson", &people).expect(0);
        let exported = folder.run("user export").expect(0).stdout;
        let mut emails: Vec<&str> = exported.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
        emails.sort_unstable();
        emails.dedup();
        assert_eq!((emails.len(), exported.lines().count()), (2345, 2346));
    }
}

#[test]
fn a_table_is_what_rfc_4180_says_and_harmless_to_a_spreadsheet_if_asked() {
    let folder = folder();
    folder.feed("user import - --format ndjson", PEOPLE).expect(0);
    folder.run("user export people.csv").expect(0);
    let file = folder.path().join("people.csv");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let table = fs::read_to_string(&file).unwrap();
    let (header, rest) = table.split_once("\r\n").unwrap();
    assert_eq!(
        header,
        "id,email,email_verified,display_name,locale,status,roles,created_at,updated_at,last_login_at"
    );
    assert!(
        rest.contains(",ada@example.com,true,\"=Ada, \"\"Countess\"\"\",en,active,admin;user,"),
        "{rest}"
    );
    let shown = folder.run("user export --for-spreadsheets").expect(0).stdout;
    assert!(shown.contains(",\"'=Ada, \"\"Countess\"\"\","), "{shown}");
    folder.run("user export people.txt").fails(&["--format csv"]);
}

#[test]
fn a_file_that_others_could_read_is_replaced_by_one_that_they_cannot() {
    let folder = folder();
    folder.feed("user import - --format ndjson", PEOPLE).expect(0);
    let file = folder.path().join("people.csv");
    fs::write(&file, "of yesterday").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut reader = fs::File::open(&file).unwrap();
    folder.run("user export --with-hashes people.csv").expect(0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().contains("$argon2id$"));
    let mut opened_before = String::new();
    std::io::Read::read_to_string(&mut reader, &mut opened_before).unwrap();
    assert_eq!(opened_before, "of yesterday", "nobody reads it who had it open");
    assert!(!folder.path().join("people.csv.part").exists());
}
