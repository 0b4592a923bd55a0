//! `stead user import`: people from elsewhere, on both databases.

mod rehearsal;
mod whole;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection;

use crate::postgres;
use crate::program::Folder;
use crate::server::Server;

pub const PASSWORD: &str = "correct horse battery staple";
pub const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A migrated folder in testing.
pub fn folder() -> Folder {
    let folder = Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY);
    folder.run("migrate up").expect(0);
    folder
}

/// Runs a test body on both databases.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($folder:ident: Folder) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn behaves($folder: Folder) $body

            #[tokio::test]
            $(#[$meta])*
            async fn on_sqlite() {
                postgres::count("sqlite");
                behaves($crate::import::folder()).await;
            }

            #[tokio::test]
            $(#[$meta])*
            async fn on_postgres() {
                let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
                let folder = Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", $crate::import::KEY);
                let folder = folder.with("APP_DATABASE__URL", database.url());
                folder.run("migrate up").expect(0);
                behaves(folder).await;
            }
        }
    )+};
}

/// The hash of [`PASSWORD`], made by the program itself.
fn hash(folder: &Folder) -> String {
    folder.feed("user create hash@example.com --password-stdin", PASSWORD).expect(0);
    let exported = folder.run("user export --with-hashes --format ndjson").expect(0).stdout;
    let line: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
    line["password_hash"].as_str().unwrap().to_owned()
}

fn write(folder: &Folder, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.path().join(name), text).unwrap();
}

fn emails(folder: &Folder) -> Vec<String> {
    let all = folder.run("user export --format ndjson").expect(0).stdout;
    let email =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["email"].as_str().unwrap().to_owned();
    all.lines().map(email).collect()
}

/// Line and code of each fault of a report.
pub fn report(folder: &Folder, name: &str) -> Vec<(u64, String)> {
    let text = fs::read_to_string(folder.path().join(name)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|fault| (fault["line"].as_u64().unwrap(), fault["code"].as_str().unwrap().to_owned())).collect()
}

on_both! {
    async fn good_lines_are_kept_and_each_bad_one_is_told_with_its_line(folder: Folder) {
        let hash = hash(&folder);
        folder.run("role create auditor --permission audit:read").expect(0);
        let mut csv = b"email,display_name,locale,roles,status,password_hash,password\n".to_vec();
        for line in [
            format!("Ada@Example.com,Ada Lovelace,en,auditor;admin,,\"{hash}\",\n"),
            "bob@example.com,王小明,zh,,,,another staple for the battery\n".to_owned(),
            "eve@example.com,,,,,,\n".to_owned(),
            "sue@example.com,Sue,,,suspended,,\n".to_owned(),
            "nobody,,,,,,\n".to_owned(),
            "hash@example.com,,,,,,\n".to_owned(),
            "ADA@example.com,,,,,,\n".to_owned(),
            "a@example.com,,,boss,,,\n".to_owned(),
            "b@example.com,,,,,$2b$12$abc,\n".to_owned(),
            "c@example.com,,,,,,password1\n".to_owned(),
            "d@example.com,,\n".to_owned(),
            "e@example.com,a\0b,,,,,\n".to_owned(),
            format!("f@example.com,{},,,,,\n", "x".repeat(101)),
            "g@example.com,,,,deleted,,\n".to_owned(),
            "h@example.com,,,,,\"$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\n".to_owned(),
        ] {
            csv.extend_from_slice(line.as_bytes());
        }
        csv.extend_from_slice(b"i@example.com,\xff,,,,,\n");
        write(&folder, "people.csv", csv);
        let outcome = folder.run("user import people.csv --report report.ndjson --json").expect(1);
        let told = outcome.json();
        assert_eq!((&told["made"], &told["refused"], &told["kept"]), (&json!(4), &json!(12), &json!(true)));
        assert!(outcome.stderr.ends_with("error: 12 lines were refused\n"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("line 6: email: not an e-mail address"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("password1"), "{}", outcome.stderr);
        let codes = [
            (6, "invalid_email"),
            (7, "email_taken"),
            (8, "duplicate_email"),
            (9, "unknown_role"),
            (10, "invalid_hash"),
            (11, "weak_password"),
            (12, "invalid_csv"),
            (13, "invalid_characters"),
            (14, "invalid_value"),
            (15, "invalid_value"),
            (16, "invalid_hash"),
            (17, "invalid_utf8"),
        ];
        assert_eq!(report(&folder, "report.ndjson"), codes.map(|(line, code)| (line, code.to_owned())));

        let server = Server::start(&folder);
        let (status, pair) = server.login("ada@example.com", PASSWORD).await;
        assert_eq!((status, &pair["user"]["roles"]), (200, &json!(["admin", "auditor", "user"])), "{pair}");
        assert_eq!((&pair["user"]["email_verified"], &pair["user"]["locale"]), (&json!(true), &json!("en")));
        let (status, bob) = server.login("bob@example.com", "another staple for the battery").await;
        assert_eq!((status, &bob["user"]["display_name"]), (200, &json!("王小明")), "{bob}");
        assert_eq!(server.login("eve@example.com", PASSWORD).await.0, 401);
        let token = pair["access_token"].as_str().unwrap();
        let asked = server.get("/api/v1/users?q=%E5%B0%8F%E6%98%8E").bearer_auth(token).send().await.unwrap();
        let found: Value = asked.json().await.unwrap();
        assert_eq!(found["items"][0]["email"], "bob@example.com", "{found}");
        let asked = server.get("/api/v1/audit-events?action=user_created").bearer_auth(token);
        let events: Value = asked.send().await.unwrap().json().await.unwrap();
        // Four by the import, one by hand.
        assert_eq!(events["items"].as_array().unwrap().len(), 5, "{events}");
        server.stop();
        let status = |email: &str| folder.run(&format!("user show {email} --json")).expect(0).json()["status"].clone();
        assert_eq!((status("eve@example.com"), status("sue@example.com")), (json!("pending"), json!("suspended")));
    }

    async fn all_or_nothing_keeps_nothing_beside_a_bad_line(folder: Folder) {
        let people = |last: &str| (1..=1500).map(|n| format!("{{\"email\": \"p{n}@example.com\"}}\n")).chain([last.to_owned()]).collect::<String>();
        write(&folder, "people.ndjson", people("{\"email\": \"nobody\"}\n"));
        let outcome = folder.run("user import people.ndjson --all-or-nothing").expect(1);
        assert!(outcome.stderr.contains("1 line was refused; nothing was kept"), "{}", outcome.stderr);
        assert!(outcome.stdout.contains("would make 1500 accounts"), "{}", outcome.stdout);
        assert_eq!(emails(&folder).len(), 0);
        write(&folder, "people.ndjson", people("{\"email\": \"p7@EXAMPLE.com\"}\n"));
        folder.run("user import people.ndjson --all-or-nothing").expect(1);
        assert_eq!(emails(&folder).len(), 0);
        write(&folder, "people.ndjson", people(""));
        let outcome = folder.run("user import people.ndjson --all-or-nothing").expect(0);
        assert_eq!(outcome.stdout, "made 1500 accounts, refused 0 lines\n");
        assert_eq!((outcome.stderr.as_str(), emails(&folder).len()), ("", 1500));
        folder.feed("user import - --format ndjson --all-or-nothing", "").fails(&["give it a file"]);
    }

    async fn a_dry_run_says_what_would_be_and_writes_nothing(folder: Folder) {
        folder.feed("user create taken@example.com --password-stdin", PASSWORD).expect(0);
        let lines = "email,password\ntaken@example.com,\na@example.com,password1\nb@example.com,another staple for the battery\nb@example.com,\n";
        let outcome = folder.feed("user import - --format csv --dry-run", lines).expect(1);
        assert_eq!(outcome.stdout, "would make 1 account, refused 3 lines\n");
        for told in ["line 2: email: the address has", "line 3: password: the password is too weak", "line 5: email: a line before", "nothing was written"] {
            assert!(outcome.stderr.contains(told), "{told}: {}", outcome.stderr);
        }
        assert_eq!(emails(&folder), ["taken@example.com"]);
    }

    async fn invitations_are_mailed_only_to_those_without_a_password_and_only_if_asked_for(folder: Folder) {
        let folder = folder.with("APP_MAIL__URL", "file:mails");
        let hash = hash(&folder);
        let people = |name: &str| json!([
            {"email": format!("{name}1@example.com")},
            {"email": format!("{name}2@example.com"), "status": "suspended"},
            {"email": format!("{name}3@example.com"), "password_hash": hash},
        ]);
        for (name, options, invited) in [("quiet", "", 0), ("told", "--invite", 1)] {
            let lines: String = people(name).as_array().unwrap().iter().map(|line| format!("{line}\n")).collect();
            let told = folder.feed(&format!("user import - --format ndjson --json {options}"), &lines).expect(0).json();
            assert_eq!((&told["made"], &told["invited"]), (&json!(3), &json!(invited)), "{told}");
        }
        let server = Server::start(&folder);
        let mails = || folder.path().join("mails").read_dir().map_or(0, Iterator::count);
        let begun = Instant::now();
        while mails() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "{}", server.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(mails(), 1);
        server.stop();
    }

    async fn an_interrupt_ends_it_after_the_present_batch(folder: Folder) {
        let folder = folder.with("APP_AUTH__HASH__MEMORY_KIB", 19456).with("APP_AUTH__HASH__ITERATIONS", 2);
        let line = |n| format!("p{n}@example.com,{PASSWORD}\n");
        write(&folder, "people.csv", format!("email,password\n{}", (0..2000).map(line).collect::<String>()));
        let mut import = folder.command("user import people.csv --json");
        let import = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let pid = import.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let output = import.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let made = summary["made"].as_u64().unwrap();
        assert!(made.is_multiple_of(100) && (100..2000).contains(&made), "{summary}");
        assert!(told.contains("ending after the present batch"), "{told}");
        assert!(told.contains(&format!("stopped after line {}", made + 1)), "{told}");
        assert_eq!(emails(&folder).len() as u64, made);
    }
}

#[test]
fn what_is_no_file_of_people_is_told_before_anything_is_made() {
    let folder = folder();
    write(&folder, "people.csv", "email;display_name\na@example.com;Ada\n");
    write(&folder, "people.txt", "");
    folder
        .run("user import people.csv")
        .fails(&["there is no column \"email;display_name\"", "email, display_name"]);
    folder.run("user import people.txt").fails(&["--format csv"]);
    folder.run("user import absent.csv").fails(&["absent.csv: No such file"]);
    folder.run("user import people.csv --all-or-nothing --dry-run").expect(2);
}

#[test]
fn only_the_first_faults_are_shown_and_the_report_has_all() {
    let folder = folder();
    write(&folder, "people.ndjson", "{}\n".repeat(1234));
    let outcome = folder.run("user import people.ndjson --report report.ndjson").expect(1);
    // Twenty, where the others are, and how many.
    assert_eq!(outcome.stderr.lines().count(), 22, "{}", outcome.stderr);
    assert_eq!(report(&folder, "report.ndjson").len(), 1234);
}

#[test]
fn the_report_is_never_the_file_that_is_read() {
    let folder = folder();
    let file = folder.path().join("people.ndjson");
    std::fs::write(&file, "{\"email\": \"ada@example.com\"}\n").unwrap();
    folder.run("user import people.ndjson --report ./people.ndjson").fails(&["another name"]);
    folder.run("user import people.ndjson --report -").fails(&["give it a name"]);
    assert!(!folder.path().join("-").exists());
    assert!(std::fs::read_to_string(&file).unwrap().contains("ada@example.com"));
}

#[tokio::test]
async fn after_an_import_postgres_knows_how_much_it_holds() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let folder = Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY);
    let folder = folder.with("APP_DATABASE__URL", database.url());
    folder.run("migrate up").expect(0);
    for (flag, first) in [("", 0), (" --all-or-nothing", 300)] {
        let people: String = (first..first + 300).map(|n| format!("p{n}@example.com\n")).collect();
        write(&folder, "people.csv", format!("email\n{people}"));
        folder.run(&format!("user import people.csv{flag}")).expect(0);
        let mut connection = sqlx::PgConnection::connect(database.url()).await.unwrap();
        let estimates = "SELECT relname::text, reltuples::float8 FROM pg_class
                         WHERE relname IN ('users', 'user_roles', 'user_terms') ORDER BY 1";
        let told: Vec<(String, f64)> = sqlx::query_as(estimates).fetch_all(&mut connection).await.unwrap();
        let people = f64::from(first + 300);
        let expected = ["user_roles", "user_terms", "users"].map(|table| (table.to_owned(), people));
        assert_eq!(told, expected);
    }
}
