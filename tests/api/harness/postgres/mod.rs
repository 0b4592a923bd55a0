//! PostgreSQL for tests: a database of its own for each, copied from one that was migrated once.
//!
//! `TEST_DATABASE_URL` names a server to use (15 or later, an account that may create databases);
//! without it, each test process starts a throwaway server. With nextest, where each test is a
//! process, set it. Nothing is left behind, also when the tests are killed: see `guard.sh`.
//!
//! Without a server, tests that want one are skipped, aloud, and the last line says how many; where
//! `CI` is set they fail.
//!
//! A test crate takes this folder in with `#[cfg(test)] mod postgres;`.

mod account;
mod cluster;
mod guard;
pub mod port;

use std::fmt::Debug;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::sync::OnceCell;

pub use guard::count;

const NAME: &str = "stead_test_";

/// A database of one test. Dropped with this value.
pub struct Database {
    url: String,
    name: String,
}

impl Database {
    /// A connection string of the account that owns it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!(r#"DROP DATABASE IF EXISTS "{}" WITH (FORCE)"#, self.name);
        // On a thread of its own: the runtime of the test is in no state to be waited on here. What
        // fails here is dropped by the guard.
        let _ = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(admin(&[drop])).map_err(std::io::Error::other)
        })
        .join();
    }
}

/// A new database in the state that `migrate` makes, or `None` where there is no PostgreSQL.
///
/// `migrate` gets the URL of an empty database, once in the test process; every later call copies
/// what it made. It must have closed its connections when it returns.
pub async fn fresh_database<E: Debug>(
    migrate: impl AsyncFnOnce(String) -> Result<(), E>,
) -> Option<Database> {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    static COPIES: AtomicU32 = AtomicU32::new(0);
    let Some(server) = server() else {
        count("skipped");
        return None;
    };
    let template = TEMPLATE.get_or_init(|| make_template(server, migrate)).await;
    let name = format!("{}{}", server.prefix, COPIES.fetch_add(1, Ordering::Relaxed));
    let copy = format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY"#);
    admin(&[copy]).await.expect("a test's database is copied");
    count("postgres");
    Some(Database { url: database_url(server, &name), name })
}

async fn make_template<E: Debug>(
    server: &Server,
    migrate: impl AsyncFnOnce(String) -> Result<(), E>,
) -> String {
    let name = format!("{}template", server.prefix);
    sweep().await.expect("databases of dead test processes are dropped");
    admin(&[format!(r#"CREATE DATABASE "{name}""#)]).await.expect("the template database is made");
    migrate(database_url(server, &name)).await.expect("the template database is migrated");
    let close = format!(r#"ALTER DATABASE "{name}" IS_TEMPLATE true ALLOW_CONNECTIONS false"#);
    admin(&[close]).await.expect("the template database is closed");
    name
}

struct Server {
    /// Of the database from which others are made and dropped.
    url: String,
    /// How the names of this process's databases begin; the time in it lets a later run see that
    /// they are old.
    prefix: String,
}

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(find_server).as_ref()
}

fn find_server() -> Option<Server> {
    let prefix = format!("{NAME}{}_{}_", now().as_secs(), std::process::id());
    if let Some(url) = variable("TEST_DATABASE_URL") {
        guard::order(&format!("sweep {prefix} {url}"));
        return Some(Server { url, prefix });
    }
    if let Some(bin) = cluster::binaries() {
        let cluster =
            cluster::Cluster::start(&bin).unwrap_or_else(|why| panic!("PostgreSQL does not start: {why}"));
        return Some(Server { url: cluster.url, prefix });
    }
    let remedy =
        "install the PostgreSQL server (Debian: apt-get install postgresql) or set TEST_DATABASE_URL";
    assert!(variable("CI").is_none(), "PostgreSQL not found, and in CI its tests must run: {remedy}");
    // Past the test runner's capture, which would hide it while the tests pass.
    let _ = writeln!(std::io::stderr(), "PostgreSQL not found: its tests are skipped; {remedy}");
    None
}

/// Drops what test processes of an hour ago and more left on a server that is not ours.
async fn sweep() -> sqlx::Result<()> {
    let mut connection = connect().await?;
    let rows =
        connection.fetch_all("SELECT datname FROM pg_database WHERE datname LIKE 'stead\\_test\\_%'").await?;
    let too_old = now().saturating_sub(Duration::from_secs(3600)).as_secs();
    for row in rows {
        let name: String = row.try_get(0)?;
        let made = name.strip_prefix(NAME).and_then(|rest| rest.split('_').next()?.parse::<u64>().ok());
        if made.is_some_and(|made| made < too_old) {
            // Another run may be sweeping too: what it dropped is gone, which is all we want.
            let _ = connection
                .execute(AssertSqlSafe(format!(r#"ALTER DATABASE "{name}" IS_TEMPLATE false"#)))
                .await;
            let drop = format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#);
            let _ = connection.execute(AssertSqlSafe(drop)).await;
        }
    }
    connection.close().await
}

async fn admin(statements: &[String]) -> sqlx::Result<()> {
    let mut connection = connect().await?;
    for statement in statements {
        connection.execute(AssertSqlSafe(statement.clone())).await?;
    }
    connection.close().await
}

async fn connect() -> sqlx::Result<PgConnection> {
    let server = server().ok_or_else(|| sqlx::Error::Configuration("there is no server".into()))?;
    PgConnection::connect(&server.url).await
}

fn database_url(server: &Server, name: &str) -> String {
    let mut url = url::Url::parse(&server.url).expect("TEST_DATABASE_URL is a URL");
    url.set_path(name);
    url.into()
}

#[expect(clippy::disallowed_methods, reason = "which server to test on is no setting of Stead")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the age of a database on a real server is real time")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
