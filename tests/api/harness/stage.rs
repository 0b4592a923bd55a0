//! A database of the test's own, and the settings of the servers that run on it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use stead::app::{self, Nature};
use stead::base::clock::Clock;
use stead::base::random::Random;
use stead::config::{Config, Sources, load};
use stead::db::migrate::{MigrateError, Migrator};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::app::App;
use super::pooler::Pooler;
use super::{postgres, proof};

/// When every test begins.
const START: &str = "2030-01-01T08:00:00Z";

/// Cheap hashes, and no limits by address: a test that is about these sets them itself.
const SETTINGS: [(&str, &str); 6] = [
    ("secret_key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("auth.hash.memory_kib", "64"),
    ("auth.hash.iterations", "1"),
    ("auth.hash.threads", "2"),
    ("rate_limit.enabled", "false"),
    ("log.level", "off"),
];

/// A migrated database and the settings for servers on it. Servers of one stage share clock and
/// randomness, so two of them are two replicas.
#[derive(Clone)]
pub struct Stage {
    home: Arc<Home>,
    settings: BTreeMap<String, String>,
    nature: Nature,
}

struct Home {
    url: String,
    people: AtomicU32,
    /// Removes the database when the last server of the stage is gone.
    _database: Database,
}

enum Database {
    Sqlite(#[expect(dead_code, reason = "held for its drop")] TempDir),
    Postgres(#[expect(dead_code, reason = "held for its drop")] postgres::Database),
}

impl Stage {
    pub async fn on_sqlite() -> Self {
        static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(sqlite_template).await;
        let folder = folder();
        let file = folder.path().join("stead.db");
        std::fs::write(&file, template).expect("the template is copied");
        postgres::count("sqlite");
        Self::new(url(&file), Database::Sqlite(folder))
    }

    /// `None` where there is no PostgreSQL and that is no fault.
    pub async fn on_postgres() -> Option<Self> {
        if std::env::var_os("STEAD_TEST_POOLER").is_some_and(|value| !value.is_empty()) {
            return Self::behind_a_pooler().await;
        }
        let database = postgres::fresh_database(migrate).await?;
        Some(Self::new(database.url().to_owned(), Database::Postgres(database)))
    }

    /// PostgreSQL behind pgbouncer in transaction mode, which has fewer connections than a server would
    /// take. `None`, aloud, where one of the two is absent and that is no fault.
    pub async fn behind_a_pooler() -> Option<Self> {
        static POOLER: OnceCell<Option<Pooler>> = OnceCell::const_new();
        let database = postgres::fresh_database(migrate).await?;
        let direct = database.url().to_owned();
        let pooler = POOLER.get_or_init(async || pooler(&direct)).await.as_ref()?;
        let url = pooler.url(&direct).expect("the address of the database has parts");
        let stage = Self::new(url, Database::Postgres(database));
        Some(stage.with("database.pooler", "transaction").with("database.migrate_url", direct))
    }

    /// The address of the database itself, past any pooler.
    pub fn direct_url(&self) -> String {
        self.settings.get("database.migrate_url").unwrap_or(&self.home.url).clone()
    }

    /// Fails if there is still a transaction on PostgreSQL after a while that is open and does nothing.
    pub async fn until_no_transaction_is_forgotten(&self) {
        let mut direct = PgConnection::connect(&self.direct_url()).await.unwrap();
        let idle = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        let begun = Instant::now();
        loop {
            let open: i64 = sqlx::query_scalar(idle).fetch_one(&mut direct).await.unwrap();
            if open == 0 {
                return direct.close().await.unwrap();
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "{open} transactions are still open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn new(url: String, database: Database) -> Self {
        let home = Home { url, people: AtomicU32::new(1), _database: database };
        let settings = SETTINGS.map(|(path, value)| (path.to_owned(), value.to_owned()));
        let nature = Nature {
            clock: Clock::manual(START.parse().expect("START is a time")),
            random: Random::seeded(7),
        };
        Self { home: Arc::new(home), settings: settings.into(), nature }
    }

    /// Sets one key of the configuration, as in `config/default.toml`: `"auth.refresh_grace", "0s"`.
    pub fn with(mut self, path: &str, value: impl ToString) -> Self {
        self.settings.insert(path.to_owned(), value.to_string());
        self
    }

    /// The configuration for `APP_ENV=testing` with the settings of this stage.
    pub fn config(&self) -> Config {
        let database = [("database.url".to_owned(), self.home.url.clone())];
        self.settings.iter().for_each(|(path, text)| proof::setting(path, text));
        let sources = Sources {
            variables: [("APP_ENV".to_owned(), "testing".to_owned())].into(),
            flags: self.settings.clone().into_iter().chain(database).collect(),
            ..Sources::default()
        };
        load(&sources).unwrap_or_else(|report| panic!("{report}")).config
    }

    /// Starts a server. A second one on the same stage is a second replica.
    pub async fn start(&self) -> App {
        self.start_as(self.config()).await
    }

    /// Starts a server that is configured as no variable can say: `config()`, altered.
    pub async fn start_as(&self, config: Config) -> App {
        let built = app::build(config, self.nature.clone()).await;
        let built = built.unwrap_or_else(|error| panic!("{error}"));
        built.attend().expect("the way of mail is known");
        App::new(built, self.clone())
    }

    /// A name that nobody on this stage has yet.
    pub(super) fn fresh_name(&self, kind: &str) -> String {
        format!("{kind}{}", self.home.people.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a test asks for in its signature.
pub trait Given {
    async fn on(stage: Stage) -> Self;
}

impl Given for Stage {
    async fn on(stage: Stage) -> Self {
        stage
    }
}

impl Given for App {
    async fn on(stage: Stage) -> Self {
        stage.start().await
    }
}

/// As many connections as this there are behind the pooler.
pub const POOLED: u32 = 4;

fn pooler(server: &str) -> Option<Pooler> {
    let pooler = Pooler::before(server, POOLED).expect("pgbouncer starts");
    if pooler.is_none() {
        let remedy = "install it (Debian: apt-get install pgbouncer)";
        assert!(
            std::env::var_os("CI").is_none(),
            "pgbouncer not found, and in CI its tests must run: {remedy}"
        );
        // Past the test runner's capture.
        let _ = writeln!(std::io::stderr(), "pgbouncer not found: its tests are skipped; {remedy}");
    }
    pooler
}

async fn migrate(url: String) -> Result<(), MigrateError> {
    Migrator::connect(&url, Clock::system()).await?.up(|_| {}).await.map(drop)
}

/// The bytes of a migrated file: a test's database is one write.
async fn sqlite_template() -> Vec<u8> {
    let folder = folder();
    let (made, whole) = (folder.path().join("made.db"), folder.path().join("whole.db"));
    migrate(url(&made)).await.expect("the template is migrated");
    let mut connection = SqliteConnection::connect(&url(&made)).await.expect("the template opens");
    // What is still in the write-ahead log belongs to it, too.
    let copy = AssertSqlSafe(format!("VACUUM INTO '{}'", whole.display()));
    connection.execute(copy).await.expect("the template is written out");
    connection.close().await.expect("the template closes");
    std::fs::read(whole).expect("the template can be read")
}

fn url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// In memory where the machine offers that: nothing here must outlive the test.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder for the test")
}
