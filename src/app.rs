//! Floor 10: THE APP FACTORY. Configuration in, a running set of handles and two routers out. `serve`
//! and every test build the same.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use utoipa::openapi::OpenApi;

use crate::access::audit::Audit;
use crate::access::hasher::Hasher;
use crate::access::keys::{KeyError, Keys};
use crate::access::password::Passwords;
use crate::access::permission::Catalogue;
use crate::access::{Access, follow, sessions, throttle};
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::base::secret::SecretKey;
use crate::base::service;
use crate::config::{Config, Environment, Pooler, RateLimit};
use crate::db::{Db, DbError, Options, migrate};
use crate::features::{self, log_level, mailbox, metrics, pages, users};
use crate::http::idempotency::{self, Idempotency};
use crate::http::limit::Limits;
use crate::http::load::{Load, Room};
use crate::http::middleware::measure::Meters;
use crate::http::middleware::{Cors, Stack, host, stack};
use crate::http::page::Cursors;
use crate::http::{catalogue, docs, openapi};
use crate::mail::{Courier, NoWayOut, Outbox, token, way_back};
use crate::server::{self, Crowd};
use crate::state::{AppState, Handles};
use crate::tasks::{Round, Tasks};
use crate::telemetry::{self, StartError};

/// A server that has been put together and listens nowhere yet.
pub struct App {
    pub state: AppState,
    /// What the public listener serves.
    pub router: Router,
    /// What the listener for operators serves.
    pub management: Router,
}

/// What a test puts in the place of the machine's own.
#[derive(Clone, Default)]
pub struct Nature {
    pub clock: Clock,
    pub random: Random,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{0}")]
    Database(#[from] DbError),
    #[error("{0}")]
    Schema(String),
    #[error("{0}")]
    Keys(#[from] KeyError),
    #[error("APP_SECRET_KEY is not set; make one with `openssl rand -base64 32`")]
    NoSecretKey,
    #[error("the hash threads do not start: {0}")]
    Hasher(std::io::Error),
    #[error("measuring does not start: {0}")]
    Telemetry(#[from] StartError),
    #[error("the API document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

/// How often expired rows are swept away.
const SWEEP: Duration = Duration::from_secs(600);

/// How often the outbox is looked into: for so long a mail may wait for its first attempt.
const DELIVERY: Duration = Duration::from_secs(1);

/// What must answer when there is no room for more: whoever asks whether the server lives, and who would
/// otherwise be signed out.
const LIVENESS: &[&str] = &["/health/live"];
/// These ask the database: many of them keep nobody from hearing that the server lives.
const PROBES: &[&str] = &["/health/ready", "/health/system"];
const REFRESH: &[&str] = &["/api/v1/auth/refresh"];

/// Puts a server together over a schema that is up to date.
pub async fn build(config: Config, nature: Nature) -> Result<App, BuildError> {
    let config = Arc::new(config);
    let db = open_database(&config, nature.clock.clone()).await?;
    if let Some(refusal) = migrate::plan(&db).await?.refusal() {
        return Err(BuildError::Schema(refusal));
    }
    let state = handles(&config, db, nature).await?;
    state.access.follow().await?;
    metrics::observe(&state);
    let (public, _) = routes(&config, &limits(&state))?;
    let operators = with_mailbox(&config, Router::new(), false)
        .merge(health())
        .merge(metrics::router())
        .merge(log_level::router());
    let operators = host::guarded(config.server.management_address.ip(), operators);
    Ok(App {
        router: stack(public, layers(&state, state.load.clone())).with_state(state.clone()),
        management: stack(operators, for_operators(&state)).with_state(state.clone()),
        state,
    })
}

impl App {
    /// Begins what goes on beside the requests of a server. A command begins none of it: it would be gone
    /// in the middle, with a lease in its hands.
    pub fn attend(&self) -> Result<(), NoWayOut> {
        follow(&self.state);
        sweep(&self.state);
        users::upkeep::start(&self.state);
        deliver(&self.state)
    }
}

/// The pools, by the configuration, and the database's time: nothing is done by another.
pub async fn open_database(config: &Config, clock: Clock) -> Result<Db, DbError> {
    let options = Options {
        max_connections: config.database.max_connections(),
        acquire_timeout: config.database.acquire_timeout,
        statement_timeout: config.database.statement_timeout,
        is_pooled: config.database.pooler == Pooler::Transaction,
    };
    let db = Db::open(config.database.url.expose(), &options, clock).await?;
    db.follow_time().await?;
    Ok(db)
}

/// The API document, which needs no database.
pub fn document(config: &Config) -> Result<OpenApi, serde_json::Error> {
    Ok(routes(config, &Limits::default())?.1)
}

async fn handles(config: &Arc<Config>, db: Db, nature: Nature) -> Result<AppState, BuildError> {
    let Nature { clock, random } = nature;
    let secrets: Vec<&SecretKey> =
        [&config.secret_key, &config.secret_key_previous].into_iter().flatten().collect();
    if secrets.is_empty() {
        return Err(BuildError::NoSecretKey);
    }
    let metrics = telemetry::measure(config)?;
    let keys = Keys::open(&db, &secrets, &config.auth, &clock, &random).await?;
    let hasher = Hasher::start(&config.auth.hash, random.clone()).map_err(BuildError::Hasher)?;
    let public_url = config.server.public_url();
    let link_base = config.mail.link_base.as_ref().unwrap_or(&public_url).as_str();
    let auth = Arc::new(config.auth.clone());
    let audit = Audit::new(clock.clone(), random.clone());
    Ok(AppState::new(Handles {
        passwords: Passwords::new(db.clone(), clock.clone(), hasher, keys.lookup.clone(), audit.clone()),
        outbox: Outbox::new(keys.outbox.clone(), clock.clone(), random.clone(), service::NAME, link_base),
        cursors: Cursors::new(keys.cursor.clone()),
        idempotency: Idempotency::new(db.clone(), clock.clone(), keys.lookup.clone()),
        access: Access::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            keys,
            audit.clone(),
            auth,
            public_url.as_str(),
        ),
        audit,
        holdings: features::all().into_iter().flat_map(|feature| feature.holdings).collect(),
        permissions: Catalogue::new(features::all().iter().flat_map(|f| f.declared()).copied()),
        tasks: Tasks::default(),
        metrics,
        load: load(config),
        crowd: Crowd::new(server::connections(server::raise_limit(), config.database.max_connections())),
        config: config.clone(),
        clock,
        random,
        db,
        database: features::health::latest(),
    }))
}

fn routes(config: &Config, limits: &Limits) -> Result<(Router<AppState>, OpenApi), serde_json::Error> {
    let description = "Accounts, sign-in, roles and permissions. Errors are RFC 9457 problems; `GET /errors` explains each code.";
    let features = features::all().into_iter().chain([catalogue::feature()]).collect();
    let (mut router, document) =
        openapi::mount(features, service::NAME, description, config.server.public_url().as_str(), limits);
    if config.docs.enabled {
        router = router.merge(docs::router(&document)?);
    }
    Ok((with_mailbox(config, router.merge(pages::router()), true), document))
}

fn limits(state: &AppState) -> Limits {
    let RateLimit { enabled, public_per_minute, user_per_minute } = state.config.rate_limit;
    if !enabled {
        return Limits::default();
    }
    let limits = Limits::new(public_per_minute, user_per_minute, &state.clock);
    limits.measure(state.metrics.meter());
    limits
}

/// The mailbox, on the one listener that strangers cannot reach.
fn with_mailbox(config: &Config, router: Router<AppState>, public: bool) -> Router<AppState> {
    let belongs_here = config.server.host.is_loopback() == public;
    match config.environment {
        Environment::Dev | Environment::Testing if belongs_here => {
            router.merge(host::guarded(config.server.host, mailbox::router()))
        }
        _ => router,
    }
}

fn health() -> Router<AppState> {
    openapi::mount(vec![features::health::for_operators()], service::NAME, "", "/", &Limits::default()).0
}

/// How many requests may be under way, and beside them those that the others must not keep out.
fn load(config: &Config) -> Load {
    let all = Room::by_connections(config.database.max_connections());
    // Refreshes are small, and an office may send all of its at once.
    let refreshes = Room { receiving: all.receiving, ..all.share(4) };
    let reserves = [(LIVENESS, all.share(8)), (PROBES, all.share(8)), (REFRESH, refreshes)];
    Load::new(all, &reserves)
}

/// Operators are not counted, and no web page is one of them.
fn for_operators(state: &AppState) -> Stack {
    Stack { meters: None, cors: Cors::default(), ..layers(state, load(&state.config)) }
}

fn layers(state: &AppState, load: Load) -> Stack {
    let config = &state.config;
    Stack {
        clock: state.clock.clone(),
        random: state.random.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        cors: Cors {
            allowed_origins: config.cors.allowed_origins.clone(),
            allow_credentials: config.cors.allow_credentials,
        },
        request_timeout: config.server.request_timeout,
        load,
        meters: Some(Meters::new(state.metrics.meter())),
        tasks: state.tasks.clone(),
        https: config.server.public_url().scheme() == "https",
        debug: !config.environment.is_guarded(),
    }
}

/// Hears of what other replicas change.
fn follow(state: &AppState) {
    let access = state.access.clone();
    state.tasks.every("feed", follow::PERIOD, move || {
        let access = access.clone();
        async move { access.keep_following().await }
    });
}

/// Sweeps away what has expired, now and then. A failed round is logged; the next one comes.
fn sweep(state: &AppState) {
    let shared = state.clone();
    state.tasks.every("sweep", SWEEP, move || {
        let state = shared.clone();
        async move {
            let swept = sweep_once(&state).await;
            if let Err(error) = &swept {
                tracing::error!(%error, task = "sweep", "expired rows could not be swept away");
            }
            Round::of(&swept)
        }
    });
}

/// Looks into the outbox again and again, beside the requests.
fn deliver(state: &AppState) -> Result<(), NoWayOut> {
    let Some(courier) = courier(state)?.map(Arc::new) else { return Ok(()) };
    let tasks = state.tasks.clone();
    state.tasks.every("mail", DELIVERY, move || {
        let (courier, tasks) = (courier.clone(), tasks.clone());
        async move { courier.run(|| !tasks.is_stopping()).await }
    });
    Ok(())
}

/// Whoever takes mail out of the outbox; `None` where it stays there.
pub fn courier(state: &AppState) -> Result<Option<Courier>, NoWayOut> {
    let courier = Courier::new(&state.config, state.db.clone(), state.outbox.clone())?;
    Ok(courier.map(|courier| courier.measured(state.metrics.meter())))
}

/// One round of the sweep.
pub async fn sweep_once(state: &AppState) -> Result<(), DbError> {
    let now = state.clock.now();
    let mut tx = state.db.write().await?;
    sessions::purge(&mut tx, now).await?;
    throttle::purge(&mut tx, now).await?;
    state.db.feed().purge(&mut tx).await?;
    state.outbox.purge(&mut tx).await?;
    token::purge(&mut tx, now).await?;
    way_back::purge(&mut tx, now).await?;
    idempotency::purge(&mut tx, now).await?;
    tx.commit().await
}
