//! The configuration as the rest of the house sees it. Meanings, units and defaults of the keys are in
//! `config/default.toml`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::environment::Environment;
use super::reader::{Read, Reader, section};
use super::setting::choice;
use super::urls::SecretUrl;
use crate::base::secret::SecretKey;

/// The whole configuration, checked. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Config {
    pub environment: Environment,
    /// Always there in acc and prod.
    pub secret_key: Option<SecretKey>,
    pub secret_key_previous: Option<SecretKey>,
    pub server: Server,
    pub database: Database,
    pub auth: Auth,
    pub mail: Mail,
    pub rate_limit: RateLimit,
    pub users: Users,
    pub cors: Cors,
    pub docs: Docs,
    pub log: Log,
    pub telemetry: Telemetry,
}

impl Config {
    pub(super) fn read(environment: Environment, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            environment,
            secret_key: Read::read(reader, "secret_key")?,
            secret_key_previous: Read::read(reader, "secret_key_previous")?,
            server: Read::read(reader, "server")?,
            database: Read::read(reader, "database")?,
            auth: Read::read(reader, "auth")?,
            mail: Read::read(reader, "mail")?,
            rate_limit: Read::read(reader, "rate_limit")?,
            users: Read::read(reader, "users")?,
            cors: Read::read(reader, "cors")?,
            docs: Read::read(reader, "docs")?,
            log: Read::read(reader, "log")?,
            telemetry: Read::read(reader, "telemetry")?,
        })
    }
}

section!(Server {
    host: IpAddr,
    port: u16,
    public_url: Option<Url>,
    management_address: SocketAddr,
    trusted_proxies: Vec<IpNet>,
    request_timeout: Duration,
    drain_delay: Duration,
    shutdown_timeout: Duration,
    tls: Certificate,
});

section!(
    /// Both files, or none: clear text.
    Certificate {
        cert: Option<PathBuf>,
        key: Option<PathBuf>,
    }
);

impl Server {
    /// The address to listen on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Where people reach the server; from host and port when it is not set.
    pub fn public_url(&self) -> Url {
        self.public_url.clone().unwrap_or_else(|| {
            let scheme = if self.tls.cert.is_some() { "https" } else { "http" };
            let address = match self.host {
                host if host.is_unspecified() => format!("localhost:{}", self.port),
                _ => self.address().to_string(),
            };
            #[expect(clippy::expect_used, reason = "an IP address and a port always make a URL")]
            Url::parse(&format!("{scheme}://{address}")).expect("an IP address and a port make a URL")
        })
    }
}

section!(Database {
    url: SecretUrl,
    /// `None`: the same as `url`.
    migrate_url: Option<SecretUrl>,
    /// `None`: by the number of cores.
    max_connections: Option<u32>,
    allow_sqlite: bool,
    pooler: Pooler,
    acquire_timeout: Duration,
    statement_timeout: Duration,
});

choice!(
    /// What stands between the server and PostgreSQL.
    Pooler {
        None = "none",
        /// pgbouncer in transaction mode, or its like.
        Transaction = "transaction",
    }
);

section!(Auth {
    registration: Registration,
    email_verification: EmailVerification,
    access_ttl: Duration,
    refresh_grace: Duration,
    refresh_idle_ttl: Duration,
    refresh_absolute_ttl: Duration,
    password: PasswordRules,
    hash: Hash,
});

choice!(
    /// Who may make an account.
    Registration {
        Open = "open",
        Invite = "invite",
        Closed = "closed",
    }
);

choice!(
    /// Whether signing in needs a verified address.
    EmailVerification {
        Optional = "optional",
        Required = "required",
    }
);

section!(PasswordRules {
    /// In code points.
    min_length: usize,
});

section!(
    /// Argon2id, and the pool that computes it.
    Hash {
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
        /// `None`: one per core.
        threads: Option<usize>,
        queue: usize,
    }
);

section!(Mail {
    url: Option<SecretUrl>,
    /// `None`: at the public address of the server.
    from: Option<String>,
    /// `None`: the public address of the server.
    link_base: Option<Url>,
});

section!(RateLimit { enabled: bool, public_per_minute: u32, user_per_minute: u32 });

section!(Users { purge_after: Duration });

section!(Cors {
    allowed_origins: Vec<String>,
    allow_credentials: bool,
});

section!(Docs { enabled: bool });

section!(Log {
    format: LogFormat,
    /// The directives of a `tracing_subscriber::EnvFilter`.
    level: String,
});

choice!(
    /// The shape of log lines.
    LogFormat {
        Pretty = "pretty",
        Json = "json",
    }
);

section!(Telemetry {
    otlp_endpoint: Option<Url>,
    sentry_dsn: Option<SecretUrl>,
});
