//! The embedded files and what their head comments say.

use include_dir::{Dir, include_dir};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::db::Driver;

static SQLITE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite");
static POSTGRES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations/postgres");

/// Whether the version before this one can run on the schema after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Label {
    /// Only adds: the version before runs on.
    Expand,
    /// Takes away: the version before must be gone.
    Contract,
}

/// One step of the schema.
#[derive(Clone, Debug)]
pub struct Migration {
    pub version: i64,
    pub name: &'static str,
    pub label: Label,
    /// Runs outside a transaction (`CREATE INDEX CONCURRENTLY`); the file must then be idempotent.
    pub transactional: bool,
    pub up: &'static str,
    pub down: Option<&'static str>,
}

impl Migration {
    /// SHA-256 of the `up` text, in hexadecimal: an applied file never changes.
    pub fn checksum(&self) -> String {
        Sha256::digest(self.up.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// All migrations of `driver`, in order of version.
pub fn embedded(driver: Driver) -> Vec<Migration> {
    let dir = match driver {
        Driver::Sqlite => &SQLITE,
        Driver::Postgres => &POSTGRES,
    };
    let mut all: Vec<_> = dir.files().filter_map(|file| parse(dir, file)).collect();
    all.sort_by_key(|m| m.version);
    all
}

fn parse(dir: &'static Dir<'_>, file: &'static include_dir::File<'_>) -> Option<Migration> {
    let stem = file.path().file_name()?.to_str()?.strip_suffix(".up.sql")?;
    let (version, name) = stem.split_once('_')?;
    let up = file.contents_utf8()?;
    let mut head = up.lines().map_while(|line| line.strip_prefix("--")).map(str::trim);
    Some(Migration {
        version: version.parse().ok()?,
        name,
        label: if head.clone().any(|l| l.starts_with("contract:")) { Label::Contract } else { Label::Expand },
        transactional: !head.any(|l| l.starts_with("no-transaction")),
        up,
        down: dir.get_file(format!("{stem}.down.sql")).and_then(|f| f.contents_utf8()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_files(dir: &'static Dir<'_>) -> Vec<&'static str> {
        let mut names: Vec<_> = dir.files().filter_map(|f| f.path().to_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn both_databases_have_the_same_files_and_each_is_read() {
        assert_eq!(up_files(&SQLITE), up_files(&POSTGRES));
        assert_eq!(up_files(&SQLITE).len(), 2 * embedded(Driver::Sqlite).len());
    }

    #[test]
    fn every_migration_says_whether_it_expands_or_contracts_and_can_be_undone() {
        for (a, b) in embedded(Driver::Sqlite).iter().zip(embedded(Driver::Postgres)) {
            for m in [a, &b] {
                assert!(m.up.starts_with("-- expand") || m.up.starts_with("-- contract"), "{}", m.name);
                assert!(m.down.is_some(), "{}", m.name);
            }
            assert_eq!((a.version, a.label), (b.version, b.label), "{}", a.name);
        }
    }

    #[test]
    fn versions_are_consecutive_from_one() {
        let versions: Vec<_> = embedded(Driver::Postgres).iter().map(|m| m.version).collect();
        assert_eq!(versions, (1..=i64::try_from(versions.len()).unwrap()).collect::<Vec<_>>());
    }
}
