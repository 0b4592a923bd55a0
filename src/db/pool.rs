//! The pools: how many connections there are, and how long anyone waits for one.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, SqlSafeStr, Sqlite, Transaction};

use super::begin::begin;
use super::change::Herald;
use super::connection::{Held, acquire};
use super::driver::Driver;
use super::error::DbError;
use super::feed::Feed;
use super::meters::Meters;
use super::options::Options;
use super::pooled::Pooled;
use super::renewed::Renewed;
use super::session::{Session, Tx};
use super::silence::Silence;
use super::{sqlite, watch};
use crate::base::clock::Clock;

/// Handles to the database; clones share the pools.
#[derive(Clone)]
pub struct Db {
    pub(super) pools: Pools,
    pub(super) clock: Clock,
    herald: Herald,
    feed: Feed,
    lock_timeout: Duration,
    pub(super) meters: Arc<Meters>,
    /// Whether this version was last found to have no place on the schema.
    pub(super) left_behind: Arc<AtomicBool>,
}

/// The feed is followed over a connection of its own, so that a busy server still hears of changes, and says
/// that it is busy and not that its database is gone.
#[derive(Clone)]
pub(super) enum Pools {
    /// One writer, so that writers queue here in order instead of failing with "database is locked".
    Sqlite { readers: SqlitePool, writer: SqlitePool, follower: SqlitePool },
    Postgres {
        pool: Renewed,
        follower: Renewed,
        silence: Silence,
        /// Where a pooler stands in between.
        pooled: Option<Pooled>,
    },
}

/// Connections that requests do not get: for the feed, and for looks at how things are.
const BESIDE: u32 = 2;

/// A connection that has been idle for longer is asked whether it is still there before it is used.
/// Asking every time (sqlx's default) costs each request a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// After half a minute PostgreSQL gives up a connection over which nothing is heard any more: it would count
/// among those that there may be, for two hours by most systems. In seconds, but for the last.
const KEEPALIVE: [(&str, u8); 3] =
    [("tcp_keepalives_idle", 10), ("tcp_keepalives_interval", 5), ("tcp_keepalives_count", 4)];

impl Db {
    /// Opens the pools; an absent SQLite file is made. Connections come up when first needed.
    pub async fn open(url: &str, options: &Options, clock: Clock) -> Result<Self, DbError> {
        let driver = Driver::of(url)?;
        let pools = match driver {
            Driver::Sqlite => open_sqlite(url, options).await?,
            Driver::Postgres => open_postgres(url, options)?,
        };
        let herald = Herald::default();
        let feed = Feed::new(driver, clock.clone(), herald.clone());
        let lock_timeout = options.lock_timeout();
        Ok(Self {
            pools,
            clock,
            herald,
            feed,
            lock_timeout,
            meters: Arc::default(),
            left_behind: Arc::default(),
        })
    }

    pub fn driver(&self) -> Driver {
        match self.pools {
            Pools::Sqlite { .. } => Driver::Sqlite,
            Pools::Postgres { .. } => Driver::Postgres,
        }
    }

    /// A connection for reading.
    pub async fn read(&self) -> Result<Session, DbError> {
        let held = watch::connection(self.driver(), &self.meters, self.name("readers"), async {
            Ok(match &self.pools {
                Pools::Sqlite { readers, .. } => Held::Sqlite(acquire(readers).await?),
                Pools::Postgres { pool, silence, pooled, .. } => {
                    reading(&pool.current(), silence, pooled).await?
                }
            })
        });
        Ok(self.session(held.await?))
    }

    /// A connection beside the requests, over which the feed is followed whether or not the database answers.
    pub async fn follow(&self) -> Result<Session, DbError> {
        self.beside(Silence::for_follower).await
    }

    /// A connection beside the requests, for a look at how things are: a busy database is not a lost one.
    pub async fn look(&self) -> Result<Session, DbError> {
        self.beside(Silence::clone).await
    }

    async fn beside(&self, kind: impl FnOnce(&Silence) -> Silence) -> Result<Session, DbError> {
        let held = watch::connection(self.driver(), &self.meters, "follower", async {
            Ok(match &self.pools {
                Pools::Sqlite { follower, .. } => Held::Sqlite(acquire(follower).await?),
                Pools::Postgres { follower, silence, pooled, .. } => {
                    reading(&follower.current(), &kind(silence), pooled).await?
                }
            })
        });
        Ok(self.session(held.await?))
    }

    /// Whoever follows the feed says whether the database answers, or why it does not. While it does not, nobody else waits for
    /// it: they would wait in vain, and all come at once when it is back. SQLite has no way to it that
    /// could be lost.
    pub fn answers(&self, failure: Option<&str>) {
        let Pools::Postgres { pool, follower, silence, .. } = &self.pools else { return };
        match failure {
            None => silence.heard(),
            Some(cause) if silence.lost(cause) => {
                pool.renew();
                follower.renew();
            }
            Some(_) => {}
        }
    }

    /// A transaction for writing. A pooled connection that turns out to be dead is replaced once.
    pub async fn write(&self) -> Result<Tx, DbError> {
        match self.begin().await {
            Err(error) if error.is_disconnect() => self.begin().await,
            begun => begun,
        }
    }

    async fn begin(&self) -> Result<Tx, DbError> {
        let held = watch::connection(self.driver(), &self.meters, self.name("writer"), async {
            Ok(match &self.pools {
                // Taking the write lock at once makes a busy database wait instead of failing half-way.
                Pools::Sqlite { writer, .. } => {
                    let begun =
                        Transaction::begin(acquire(writer).await?, Some("BEGIN IMMEDIATE".into_sql_str()));
                    Held::SqliteTx(begun.await?)
                }
                Pools::Postgres { pool, silence, pooled: None, .. } => {
                    let connection = silence.unless_lost(acquire(&pool.current())).await?;
                    Held::PostgresTx(begin(connection, None, silence.clone()).await?, silence.clone())
                }
                Pools::Postgres { pool, silence, pooled: Some(pooled), .. } => {
                    Held::Pooled(pooled.write(&pool.current(), silence).await?, silence.clone())
                }
            })
        });
        Ok(Tx::new(self.session(held.await?), self.clock.clone(), self.herald.clone(), self.lock_timeout))
    }

    /// What a pool is called: PostgreSQL has one for readers and writers.
    fn name(&self, of_sqlite: &'static str) -> &'static str {
        if self.driver() == Driver::Sqlite { of_sqlite } else { "main" }
    }

    fn session(&self, (held, waited): (Held, Duration)) -> Session {
        Session::new(held, waited, self.meters.clone())
    }

    /// What every replica must hear of.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How many statements were started so far.
    pub fn statements(&self) -> u64 {
        self.meters.statements.load(Ordering::Relaxed)
    }

    /// Empties SQLite's write-ahead log, which holds rows as they were before they were deleted; says
    /// whether it is empty, as it is not while somebody still reads what was there. PostgreSQL keeps house
    /// by itself.
    pub async fn scrub(&self) -> Result<bool, DbError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => Ok(sqlite::empty_log(&mut *writer.acquire().await?).await?),
            Pools::Postgres { .. } => Ok(true),
        }
    }

    /// Waits for borrowed connections and closes all.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { readers, writer, follower } => {
                tokio::join!(readers.close(), writer.close(), follower.close());
            }
            Pools::Postgres { pool, follower, .. } => {
                let (pool, follower) = (pool.current(), follower.current());
                tokio::join!(pool.close(), follower.close());
            }
        }
    }
}

/// A connection of PostgreSQL to read over.
async fn reading(pool: &PgPool, silence: &Silence, pooled: &Option<Pooled>) -> Result<Held, sqlx::Error> {
    Ok(match pooled {
        None => Held::Postgres(silence.unless_lost(acquire(pool)).await?, silence.clone()),
        Some(pooled) => Held::Pooled(pooled.read(pool, silence).await?, silence.clone()),
    })
}

/// Whether a connection may be used. sqlx would warn of each that fails; whoever waits for the database says it
/// once for all of them.
fn is_there(asked: Result<bool, sqlx::Error>) -> bool {
    asked.unwrap_or_else(|error| {
        tracing::debug!(%error, "a connection is given up");
        false
    })
}

async fn open_sqlite(url: &str, options: &Options) -> Result<Pools, DbError> {
    let connect = sqlite::connect_options(url)?;
    let claim = sqlite::claim(&connect).await?;
    let pool = |max| {
        watch::told_at_once(SqlitePoolOptions::new())
            .max_connections(max)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            // After a full disk SQLite has rolled back by itself, and sqlx still counts a transaction as
            // open: such a connection would never write again. The ping waits for the rollback of a
            // transaction that was dropped.
            .after_release(|connection, _| {
                Box::pin(async move {
                    let asked = connection.ping().await;
                    Ok(is_there(asked.map(|()| !connection.is_in_transaction())))
                })
            })
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let writer: sqlx::Pool<Sqlite> = pool(1).connect_with(connect.clone()).await?;
    drop(claim);
    // A statement that writes outside a transaction fails here, so no test on SQLite lets one pass.
    let reading = connect.pragma("query_only", "on");
    let readers = pool(options.max_connections).connect_lazy_with(reading.clone());
    let follower = pool(BESIDE).connect_lazy_with(reading);
    Ok(Pools::Sqlite { readers, writer, follower })
}

fn open_postgres(url: &str, options: &Options) -> Result<Pools, DbError> {
    let connect = watch::instead_of_sqlx(PgConnectOptions::from_str(url)?);
    let connect = connect.application_name(env!("CARGO_PKG_NAME"));
    let pooled = options.is_pooled.then(|| Pooled::new(options));
    let connect = match pooled {
        Some(_) => Pooled::connect_options(connect),
        None => connect.options(options.limits()).options(KEEPALIVE),
    };
    let silence = Silence::new(options);
    let pool = |max| {
        let (asking, returning) = (silence.clone(), silence.clone());
        watch::told_at_once(PgPoolOptions::new())
            .max_connections(max)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(move |connection, meta| {
                let silence = asking.clone();
                Box::pin(async move {
                    let is_trusted = meta.idle_for <= TRUSTED_IDLE;
                    Ok(is_trusted || is_there(silence.ask(connection, meta.idle_for).await.map(|()| true)))
                })
            })
            // sqlx asks, too, before it keeps a connection, but would wait for ever: a network that
            // falls silent would take one connection after the other out of the pool.
            .after_release(move |connection, meta| {
                let silence = returning.clone();
                Box::pin(async move { Ok(is_there(silence.keeps(connection, meta.age).await)) })
            })
            .idle_timeout(Duration::from_secs(600))
            .max_lifetime(Duration::from_secs(1800))
            .connect_lazy_with(connect.clone())
    };
    let (pool, follower) = (Renewed::new(pool(options.max_connections)), Renewed::new(pool(BESIDE)));
    Ok(Pools::Postgres { pool, follower, silence, pooled })
}
