//! Files that are not sound, and disks that are full.

use std::fs;

use super::{DATABASE, accounts, change, names, with_ada};
use crate::program::{Folder, Outcome};

/// Runs where no file can grow beyond so many bytes: what a full disk is to a program.
fn on_a_full_disk(folder: &Folder, arguments: &str) -> Outcome {
    let mut shell = std::process::Command::new("sh");
    let program = folder.command(arguments);
    let script = format!("trap '' XFSZ; ulimit -f 64; exec {} {arguments}", env!("CARGO_BIN_EXE_stead"));
    shell.args(["-c", &script]).current_dir(folder.path()).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Outcome::of(shell.output().unwrap())
}

#[test]
fn a_full_disk_leaves_no_half_file_and_the_database_as_it_was() {
    let folder = with_ada();
    on_a_full_disk(&folder, "backup saved.db").fails(&["saved.db"]);
    assert_eq!(names(folder.path()), ["data"]);
    folder.run("backup saved.db").expect(0);
    folder.run("user create bob@example.com").expect(0);
    on_a_full_disk(&folder, "restore saved.db").fails(&["stead.db"]);
    assert_eq!(names(&folder.path().join("data")), ["stead.db"]);
    assert_eq!(accounts(&folder), ["ada@example.com", "bob@example.com"]);
}

#[test]
fn a_backup_goes_into_no_file_that_somebody_else_laid_there() {
    let folder = with_ada();
    let (victim, part) = (folder.path().join("victim"), folder.path().join("saved.db.part"));
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, &part).unwrap();
    folder.run("backup saved.db").fails(&["saved.db.part"]);
    fs::remove_file(&part).unwrap();
    fs::hard_link(&victim, &part).unwrap();
    folder.run("backup saved.db").fails(&["saved.db.part", "delete it first"]);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    for own in ["stead.db-wal", "stead.db-shm", "stead.db-journal", "stead.db.lock"] {
        folder.run(&format!("backup data/{own} --force")).fails(&["is the database itself"]);
    }
}

#[tokio::test]
async fn a_backup_that_is_not_sound_is_refused_and_the_database_stays() {
    let folder = with_ada();
    folder.run("backup saved.db").expect(0);
    let saved = folder.path().join("saved.db");
    let whole = fs::read(&saved).unwrap();
    let bad = folder.path().join("bad.db");
    let refused = |words: &[&str]| {
        folder.run("restore bad.db").fails(words);
        assert_eq!(accounts(&folder), ["ada@example.com"]);
        assert_eq!(names(&folder.path().join("data")), ["stead.db"]);
    };
    refused(&["bad.db"]);
    fs::write(&bad, &whole[..whole.len() / 2]).unwrap();
    refused(&["bad.db", "not sound"]);
    let mut altered = whole.clone();
    altered[8192..12288].fill(0xa5);
    fs::write(&bad, &altered).unwrap();
    refused(&["bad.db", "not sound"]);
    fs::write(&bad, "").unwrap();
    refused(&["bad.db", "no database of Stead"]);
    fs::remove_file(&bad).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&bad).status().unwrap().success());
    refused(&["bad.db", "is not a file"]);
    fs::remove_file(&bad).unwrap();
    fs::write(&bad, "it is no database at all").unwrap();
    refused(&["bad.db", "not a database"]);
    for (sql, words) in [
        ("DELETE FROM roles", ["bad.db", "point at rows that are gone"]),
        ("DROP TABLE notes", ["`notes`", "is missing"]),
        ("DROP INDEX users_email", ["the index `users_email`", "is missing"]),
        ("ALTER TABLE notes DROP COLUMN body", ["`body` of the table `notes`", "is missing"]),
        ("DROP TRIGGER audit_events_keep_delete", ["audit_events_keep_delete", "is missing"]),
        ("UPDATE schema_migrations SET checksum = 'other' WHERE version = 2", ["0002_roles", "changed"]),
        (
            "INSERT INTO schema_migrations VALUES (9000, 'later', 'contract', 'x', '2026-01-01T00:00:00.000000Z')",
            ["9000_later", "newer version"],
        ),
    ] {
        fs::write(&bad, &whole).unwrap();
        change(&bad, sql).await;
        refused(&words);
    }
    fs::write(&bad, &whole).unwrap();
    fs::write(folder.path().join("bad.db-wal"), "rows").unwrap();
    refused(&["bad.db-wal", "`stead backup`"]);
    folder.run("restore data/stead.db").fails(&["is the database itself"]);
    // What an operator does for himself is no fault.
    change(&saved, "DROP INDEX users_status; CREATE VIEW names AS SELECT display_name FROM users").await;
    folder.run("restore saved.db").expect(0);
}

#[tokio::test]
async fn an_unsound_database_is_backed_up_by_nobody_and_a_backup_takes_its_place() {
    let folder = with_ada();
    folder.run("backup saved.db").expect(0);
    let (database, data) = (folder.path().join(DATABASE), folder.path().join("data"));
    change(&database, "DELETE FROM roles").await;
    folder.run("backup other.db").fails(&["other.db", "point at rows that are gone"]);
    assert_eq!(names(folder.path()), ["data", "saved.db"]);

    let broken = [b"nothing that SQLite could read".repeat(1000), fs::read(&database).unwrap()].concat();
    fs::write(&database, &broken).unwrap();
    fs::write(data.join("stead.db-wal"), "what it had to say last").unwrap();
    let told = folder.run("restore saved.db --json").expect(0).json();
    assert_eq!(accounts(&folder), ["ada@example.com"]);
    let kept = told["kept"].as_str().unwrap();
    assert_eq!(fs::read(kept).unwrap(), broken);
    assert_eq!(fs::read(format!("{kept}-wal")).unwrap(), b"what it had to say last");

    folder.run("restore saved.db --discard").expect(0);
    let aside = names(&data).into_iter().filter(|name| name.contains("before-restore")).count();
    assert_eq!(aside, 1, "the second was not kept");
}
