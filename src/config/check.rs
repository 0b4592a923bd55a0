//! The rules that a configuration must keep, as one table.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use argon2::Params;
use sentry::types::Dsn;
use tracing_subscriber::filter::{Directive, LevelFilter};
use url::{Position, Url};

use super::layers::Layers;
use super::mail::Transport;
use super::report::Fault;
use super::sections::{Config, Database, Hash, Pooler, Server};
use super::urls::SecretUrl;
use crate::base::secret::SecretKey;

/// How a broken rule is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Refused everywhere: it cannot work.
    Nonsense,
    /// Refused in acc and prod; ordinary in dev and testing.
    Guarded,
    /// Refused in acc and prod; a warning in dev and testing.
    Unsafe,
    /// A warning everywhere.
    Doubtful,
}
use Level::{Doubtful, Guarded, Nonsense, Unsafe};

/// How it is taken, the key, when it is broken, what to say (after the key), and what to do.
type Rule = (Level, &'static str, fn(&Config) -> bool, &'static str, &'static str);

const SECOND: Duration = Duration::from_secs(1);
const DATABASES: [&str; 3] = ["sqlite", "postgres", "postgresql"];

#[rustfmt::skip]
const RULES: &[Rule] = &[
    (Guarded, "secret_key", |c| c.secret_key.is_none(),
        "is not set", "set APP_SECRET_KEY to the output of `openssl rand -base64 32`"),

    (Unsafe, "secret_key", |c| c.secret_key.as_ref().is_some_and(is_guessable),
        "is one byte over and over", "set APP_SECRET_KEY to the output of `openssl rand -base64 32`"),

    (Guarded, "server.public_url", |c| c.server.public_url.is_none(),
        "is not set", "set APP_SERVER__PUBLIC_URL to the https:// address that people use"),
    (Guarded, "server.public_url", |c| c.server.public_url.as_ref().is_some_and(is_http),
        "is not https", "put TLS in front of the server (or set server.tls), and its https:// address here"),
    (Nonsense, "server.management_address", |c| ports_clash(&c.server),
        "is the address of the public listener", "give it another port than server.port"),
    (Doubtful, "server.management_address", |c| !c.server.management_address.ip().is_loopback(),
        "is open to other machines", "see that only operators reach it: it answers without asking who they are"),
    (Nonsense, "server.request_timeout", |c| c.server.request_timeout.is_zero(),
        "is zero: no request could be answered", "`30s` is the default"),
    (Nonsense, "server.tls.cert", |c| c.server.tls.cert.is_none() && c.server.tls.key.is_some(),
        "is not set, but server.tls.key is", "name both files, or none for clear text"),
    (Nonsense, "server.tls.key", |c| c.server.tls.key.is_none() && c.server.tls.cert.is_some(),
        "is not set, but server.tls.cert is", "name both files, or none for clear text"),
    (Doubtful, "server.tls.cert", |c| c.server.tls.cert.as_deref().is_some_and(is_out_of_reach),
        "names a file that cannot be read from here", "the server would not start: see that it is there, and who may read it"),
    (Doubtful, "server.tls.key", |c| c.server.tls.key.as_deref().is_some_and(is_out_of_reach),
        "names a file that cannot be read from here", "the server would not start: see that it is there, and who may read it"),
    (Doubtful, "server.trusted_proxies", |c| c.server.trusted_proxies.iter().any(|net| net.prefix_len() == 0),
        "trusts everyone: any client can choose its address", "name the networks of your proxies only"),

    (Nonsense, "database.url", |c| !has_scheme(&c.database.url, &DATABASES),
        "is of no database that is known here", "use sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME"),
    (Nonsense, "database.url", |c| is_in_memory(&c.database.url),
        "is a database in memory", "name a file, sqlite://PATH: connections to memory would each see another database"),
    (Guarded, "database.url", |c| is_sqlite(&c.database.url) && !c.database.allow_sqlite,
        "is SQLite", "use postgres://…, or set APP_DATABASE__ALLOW_SQLITE=true for one replica on one disk"),
    (Nonsense, "database.migrate_url", |c| migrates_another_kind(&c.database),
        "is of another kind than database.url", "give it the direct address of the same database"),
    (Doubtful, "database.migrate_url", |c| is_pooled(&c.database) && c.database.migrate_url.is_none(),
        "is not set, and database.pooler is", "give it the direct address: migrations cannot go through a pooler"),
    (Nonsense, "database.pooler", |c| is_pooled(&c.database) && is_sqlite(&c.database.url),
        "is set for SQLite", "leave it out: nothing stands before a file"),
    (Nonsense, "database.max_connections", |c| c.database.max_connections == Some(0),
        "is zero", "leave it out to choose by the number of cores"),
    (Nonsense, "database.acquire_timeout", |c| c.database.acquire_timeout.is_zero(),
        "is zero: no connection could be had", "`3s` is the default"),
    (Nonsense, "database.statement_timeout", |c| c.database.statement_timeout.is_zero(),
        "is zero: no statement could finish", "`10s` is the default"),

    (Nonsense, "auth.access_ttl", |c| c.auth.access_ttl < SECOND,
        "is shorter than a second", "`10m` is the default"),
    (Doubtful, "auth.access_ttl", |c| c.auth.access_ttl > 15 * 60 * SECOND,
        "is longer than 15 minutes", "who verifies tokens offline believes a stolen one so long: `10m` is the default"),
    (Unsafe, "auth.refresh_grace", |c| c.auth.refresh_grace > 10 * SECOND,
        "is longer than 10 seconds", "a stolen refresh token works unnoticed so long: `10s` is the default"),
    (Nonsense, "auth.refresh_idle_ttl", |c| c.auth.refresh_idle_ttl < c.auth.access_ttl,
        "is shorter than auth.access_ttl", "a session should outlive its access tokens: `30d` is the default"),
    (Nonsense, "auth.refresh_absolute_ttl", |c| c.auth.refresh_absolute_ttl < c.auth.refresh_idle_ttl,
        "is shorter than auth.refresh_idle_ttl", "make it the longer of the two: `90d` is the default"),
    (Nonsense, "auth.password.min_length", |c| !(1..=1024).contains(&c.auth.password.min_length),
        "is not between 1 and 1024", "`8` is the default"),
    (Unsafe, "auth.password.min_length", |c| (1..8).contains(&c.auth.password.min_length),
        "is less than 8", "NIST SP 800-63B asks for 8 at least"),
    (Nonsense, "auth.hash.memory_kib", |c| !is_possible(&c.auth.hash),
        "is impossible with these other two", "Argon2 needs an iteration, a lane, and 8 KiB a lane"),
    (Unsafe, "auth.hash.memory_kib", |c| c.auth.hash.memory_kib < Params::DEFAULT_M_COST,
        "is less than 19456", "OWASP asks for 19456 KiB and 2 iterations at least"),
    (Unsafe, "auth.hash.iterations", |c| c.auth.hash.iterations < Params::DEFAULT_T_COST,
        "is less than 2", "OWASP asks for 19456 KiB and 2 iterations at least"),
    (Nonsense, "auth.hash.threads", |c| c.auth.hash.threads == Some(0),
        "is zero: nobody could sign in", "leave it out for one per core"),
    (Nonsense, "auth.hash.queue", |c| c.auth.hash.queue == 0,
        "is zero: nobody could sign in", "`64` is the default"),

    (Nonsense, "mail.url", |c| c.mail.url.is_some() && c.transport().is_none(),
        "is no transport that is known here", "use smtp://USER:PASSWORD@HOST:PORT, smtps://…, file:DIRECTORY or outbox:"),
    (Unsafe, "mail.url", |c| c.transport().is_some_and(|transport| transport.is_in_clear()),
        "sends mail in clear", "leave out `?tls=none`, or use smtps://: the links in mails open accounts"),
    (Guarded, "mail.url", |c| c.mail.url.is_none() || matches!(c.transport(), Some(Transport::Outbox)),
        "names no transport that delivers", "set APP_MAIL__URL to smtps://USER:PASSWORD@HOST, smtp://… or file:"),
    (Nonsense, "mail.from", |c| c.sender().is_none(),
        "is not a sender", "use an address, or Name <address>"),
    (Guarded, "mail.link_base", |c| c.mail.link_base.as_ref().is_some_and(is_http),
        "is not https", "links that reset passwords must not travel in clear"),

    (Nonsense, "rate_limit.public_per_minute", |c| c.rate_limit.enabled && c.rate_limit.public_per_minute == 0,
        "is zero: nobody could sign in", "set rate_limit.enabled to false if no limit is meant"),
    (Nonsense, "rate_limit.user_per_minute", |c| c.rate_limit.enabled && c.rate_limit.user_per_minute == 0,
        "is zero: every request would be refused", "set rate_limit.enabled to false if no limit is meant"),

    (Nonsense, "users.purge_after", |c| c.users.purge_after < 24 * 3600 * SECOND,
        "is shorter than a day", "what an Idempotency-Key made is remembered for a day: `30d` is the default"),

    (Nonsense, "cors.allowed_origins", |c| c.cors.allowed_origins.iter().any(|origin| !is_origin(origin)),
        "has an entry that is not an origin", "use scheme://host[:port], in lower case, without a path, or `localhost` for every port of this machine"),
    (Unsafe, "cors.allowed_origins", |c| allows_everyone(c),
        "is `*`: the pages of every site may call the API", "name the origins of your front ends"),
    (Nonsense, "cors.allow_credentials", |c| c.cors.allow_credentials && allows_everyone(c),
        "cannot go with the origin `*`", "browsers refuse the two together: name the origins"),

    (Nonsense, "log.level", |c| !is_log_level(&c.log.level),
        "is not a level", "use error, warn, info, debug, trace or off, with exceptions as in `info,sqlx=warn`"),

    (Nonsense, "telemetry.otlp_endpoint", |c| c.telemetry.otlp_endpoint.as_ref().is_some_and(is_of_one_signal),
        "is the address of one signal", "leave out what begins with /v1/: it is added, for traces and for metrics"),
    (Nonsense, "telemetry.sentry_dsn", |c| c.telemetry.sentry_dsn.as_ref().is_some_and(|dsn| !is_dsn(dsn)),
        "is not a DSN", "copy it from the settings of the project: https://KEY@HOST/PROJECT"),
];

/// What the rules refuse in this configuration's environment, and what they warn of.
pub(super) fn check(config: &Config, layers: &Layers) -> (Vec<Fault>, Vec<Fault>) {
    let is_guarded = config.environment.is_guarded();
    let matters = |level| level != Guarded || is_guarded;
    let refuses = |level| level == Nonsense || (level != Doubtful && is_guarded);
    let broken = RULES.iter().filter(|(level, _, is_broken, ..)| matters(*level) && is_broken(config));
    let (refused, warned): (Vec<&Rule>, Vec<&Rule>) = broken.partition(|(level, ..)| refuses(*level));
    let faults = |rules: Vec<&Rule>| rules.into_iter().filter_map(|rule| fault(rule, layers)).collect();
    (faults(refused), faults(warned))
}

fn fault((_, key, _, problem, suggestion): &Rule, layers: &Layers) -> Option<Fault> {
    Some(Fault::new(key, layers.get(key)?.origin.clone(), *problem, *suggestion))
}

fn is_guessable(key: &SecretKey) -> bool {
    let bytes = key.expose();
    bytes.iter().all(|byte| *byte == bytes[0])
}

fn is_http(url: &Url) -> bool {
    url.scheme() == "http"
}

fn is_sqlite(url: &SecretUrl) -> bool {
    url.scheme() == "sqlite"
}

fn is_in_memory(url: &SecretUrl) -> bool {
    is_sqlite(url) && [":memory:", "mode=memory"].iter().any(|sign| url.expose().contains(sign))
}

fn has_scheme(url: &SecretUrl, known: &[&str]) -> bool {
    known.contains(&url.scheme())
}

fn migrates_another_kind(database: &Database) -> bool {
    let is_other = |url| is_sqlite(url) != is_sqlite(&database.url) || !has_scheme(url, &DATABASES);
    database.migrate_url.as_ref().is_some_and(is_other)
}

fn is_pooled(database: &Database) -> bool {
    database.pooler == Pooler::Transaction
}

fn ports_clash(server: &Server) -> bool {
    let (public, management) = (server.address(), server.management_address);
    let overlap =
        public.ip() == management.ip() || public.ip().is_unspecified() || management.ip().is_unspecified();
    public.port() != 0 && public.port() == management.port() && overlap
}

/// Commands that serve nobody do without the file.
fn is_out_of_reach(path: &Path) -> bool {
    File::open(path).is_err()
}

fn is_of_one_signal(endpoint: &Url) -> bool {
    let path = endpoint.path().trim_end_matches('/');
    ["/v1/traces", "/v1/metrics"].iter().any(|signal| path.ends_with(signal))
}

fn is_dsn(url: &SecretUrl) -> bool {
    url.expose().parse::<Dsn>().is_ok()
}

fn is_possible(hash: &Hash) -> bool {
    Params::new(hash.memory_kib, hash.iterations, hash.parallelism, None).is_ok()
}

fn allows_everyone(config: &Config) -> bool {
    config.cors.allowed_origins.iter().any(|origin| origin == "*")
}

fn is_origin(text: &str) -> bool {
    let is_bare = |url: Url| url.has_host() && &url[..Position::BeforePath] == text && !text.contains('@');
    ["*", "localhost"].contains(&text) || Url::parse(text).is_ok_and(is_bare)
}

/// The most that may be said of how much to log, in characters: each line is held against all of it.
pub const MAX_LOG_LEVEL: usize = 1000;

/// Whether this says how much to log: a level, and exceptions from it for modules. A bare word must be a level:
/// the filter itself would take `inof` for the name of a module.
pub fn is_log_level(text: &str) -> bool {
    text.chars().count() <= MAX_LOG_LEVEL
        && text.split(',').map(str::trim).all(|part| match part.contains('=') {
            true => part.parse::<Directive>().is_ok(),
            false => !part.is_empty() && part.parse::<LevelFilter>().is_ok(),
        })
}
