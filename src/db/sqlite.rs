//! The file of a SQLite database: how it is opened, and by whom first.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::error::DbError;
use super::watch;

/// How long a connection waits for what others hold.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn connect_options(url: &str) -> Result<SqliteConnectOptions, DbError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a commit is on the disk before its answer, whatever happens to the power.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten: whoever was purged is in no copy of the file either.
        .pragma("secure_delete", "on")
        .busy_timeout(PATIENCE);
    Ok(watch::instead_of_sqlx(options))
}

/// Empties the write-ahead log, if nobody reads what was there before; says whether. It does not wait for
/// them: all who write would wait behind it.
pub(super) async fn empty_log(writer: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    wait_at_most(writer, Duration::ZERO).await?;
    let emptied = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *writer).await;
    wait_at_most(writer, PATIENCE).await?;
    let (busy, ..): (i64, i64, i64) = emptied?;
    Ok(busy == 0)
}

async fn wait_at_most(connection: &mut SqliteConnection, patience: Duration) -> Result<(), sqlx::Error> {
    let pragma = AssertSqlSafe(format!("PRAGMA busy_timeout = {}", patience.as_millis()));
    sqlx::query(pragma).execute(connection).await.map(drop)
}

/// Makes what is absent, the folder and the file, and takes the lock file beside it. Hold it while
/// connecting: SQLite turns a new or restored file to write-ahead logging on the first connection, and
/// then fails at once for all others. The lock ends with the process.
pub(super) async fn claim(options: &SqliteConnectOptions) -> Result<File, DbError> {
    let claim = lock(options).await?;
    make_private(options.get_filename()).map_err(sqlx::Error::Io)?;
    Ok(claim)
}

/// The same, and makes nothing but the folder.
pub(super) async fn lock(options: &SqliteConnectOptions) -> Result<File, DbError> {
    let file = options.get_filename().to_path_buf();
    let locked = tokio::task::spawn_blocking(move || lock_file(&file)).await;
    Ok(locked.map_err(Error::other).and_then(|locked| locked).map_err(sqlx::Error::Io)?)
}

fn lock_file(file: &Path) -> Result<File, Error> {
    let mut lock = file.to_path_buf();
    lock.as_mut_os_string().push(".lock");
    let claim = || {
        file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let held = File::create(&lock)?;
        held.lock().map(|()| held)
    };
    claim().map_err(|error| Error::new(error.kind(), format!("{}: {error}", lock.display())))
}

/// Makes the file, if it is absent, for its owner alone: it holds the accounts. SQLite gives the files
/// beside it (`-wal`, `-shm`) the same mode.
fn make_private(file: &Path) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    match options.open(file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Error::new(error.kind(), format!("{}: {error}", file.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use futures_util::future::join_all;
    use sqlx::{ConnectOptions, Connection, Executor};

    use super::*;
    use crate::base::clock::Clock;
    use crate::db::migrate::Migrator;
    use crate::db::options::Options;
    use crate::db::pool::Db;

    fn modes(folder: &Path) -> Vec<(String, u32)> {
        let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        let mode = |file: &std::fs::DirEntry| file.metadata().unwrap().permissions().mode() & 0o777;
        let name = |file: &std::fs::DirEntry| file.file_name().into_string().unwrap();
        let found = files.map(|file| (name(&file), mode(&file)));
        let mut found: Vec<_> = found.filter(|(name, _)| name.starts_with("stead.db")).collect();
        found.retain(|(name, _)| !name.ends_with(".lock"));
        found.sort();
        found
    }

    fn options() -> Options {
        Options {
            max_connections: 1,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(3),
            is_pooled: false,
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_open_a_file_at_once_that_is_not_yet_in_write_ahead_mode() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("restored.db");
            let plain = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
            let mut made = plain.connect().await.unwrap();
            made.execute("CREATE TABLE t (n bigint)").await.unwrap();
            made.close().await.unwrap();
            let url = format!("sqlite://{}", file.display());
            let opening = (0..8).map(|_| {
                let url = url.clone();
                tokio::spawn(async move { Db::open(&url, &options(), Clock::system()).await.map(drop) })
            });
            for opened in join_all(opening).await {
                opened.unwrap().unwrap();
            }
        }
    }

    #[tokio::test]
    async fn emptying_the_log_waits_for_nobody_who_reads_and_succeeds_once_they_are_done() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/stead.db", folder.path().display());
        let db = Db::open(&url, &options(), Clock::system()).await.unwrap();
        let write = async || {
            let mut tx = db.write().await.unwrap();
            tx.query("CREATE TABLE IF NOT EXISTS t (n bigint)").execute().await.unwrap();
            tx.query("INSERT INTO t VALUES (1)").execute().await.unwrap();
            tx.commit().await.unwrap();
        };
        write().await;
        let mut reader =
            SqliteConnectOptions::new().filename(folder.path().join("stead.db")).connect().await.unwrap();
        reader.execute("BEGIN").await.unwrap();
        reader.execute("SELECT count(*) FROM t").await.unwrap();
        write().await;
        let emptied = tokio::time::timeout(PATIENCE / 2, db.scrub()).await;
        assert!(!emptied.expect("it waits for nobody").unwrap());
        write().await;
        reader.execute("COMMIT").await.unwrap();
        assert!(db.scrub().await.unwrap());
    }

    #[tokio::test]
    async fn a_sqlite_file_and_those_beside_it_are_for_their_owner_alone() {
        let options = options();
        for migrated_first in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}/stead.db", folder.path().display());
            if migrated_first {
                Migrator::connect(&url, Clock::system()).await.unwrap().up(|_| {}).await.unwrap();
            }
            let db = Db::open(&url, &options, Clock::system()).await.unwrap();
            let mut tx = db.write().await.unwrap();
            tx.query("CREATE TABLE IF NOT EXISTS t (n bigint)").execute().await.unwrap();
            tx.commit().await.unwrap();
            let private = |name: &str| (name.to_owned(), 0o600);
            let expected = ["stead.db", "stead.db-shm", "stead.db-wal"].map(private);
            assert_eq!(modes(folder.path()), expected, "migrated first: {migrated_first}");
        }
    }
}
