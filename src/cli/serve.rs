//! `stead serve`: from configuration to listening, and from a signal to the end.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::serve::ListenerExt;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::context::{block_on, load_with, open, print};
use super::failure::Failure;
use super::first_start;
use crate::app::App;
use crate::config::{Config, Environment, Loaded};
use crate::features::users::service::Users;
use crate::tasks::Tasks;
use crate::telemetry::{Telemetry, logs};

/// How long traces and error reports may still take to leave, after everything else has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

#[derive(Args, Default)]
#[command(after_help = "Example: stead serve --host 0.0.0.0 --port 8000")]
pub struct Serve {
    /// The address to listen on
    #[arg(long)]
    host: Option<String>,
    /// The port to listen on
    #[arg(long)]
    port: Option<u16>,
}

impl Serve {
    pub fn run(self, file: Option<PathBuf>) -> Result<(), Failure> {
        let port = self.port.map(|port| ("server.port".to_owned(), port.to_string()));
        let host = self.host.map(|host| ("server.host".to_owned(), host));
        let loaded = load_with(file, port.into_iter().chain(host).collect())?;
        let telemetry = Telemetry::start(&loaded.config)?;
        logs::log_panics();
        let ended = block_on(serve(loaded));
        telemetry.finish(LAST_WORDS);
        ended
    }
}

async fn serve(Loaded { config, warnings, .. }: Loaded) -> Result<(), Failure> {
    for warning in warnings {
        tracing::warn!(key = warning.key, problem = warning.problem, "{}", warning.suggestion);
    }
    let signals = Signals::listen()?;
    // Before anything is made or built: whoever finds the port taken should hear of it first.
    let public = bind(config.server.address(), "server.port", "stead serve --port 8000").await?;
    let operators = bind(
        config.server.management_address,
        "server.management_address",
        "APP_SERVER__MANAGEMENT_ADDRESS=127.0.0.1:8001",
    )
    .await?;
    if config.environment == Environment::Dev {
        first_start::migrate(&config).await?;
    }
    let app = open(config).await?;
    app.attend()?;
    welcome(&app, public.local_addr()?).await?;
    listen(app, public, operators, signals).await
}

async fn bind(address: SocketAddr, key: &str, example: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "{address} is in use by another program; choose another with {key}, for instance: {example}"
        )
        .into(),
        _ => format!("cannot listen on {address} ({key}): {error}").into(),
    })
}

/// Says what there is to know at the start; in dev, where to go next.
async fn welcome(app: &App, address: SocketAddr) -> Result<(), Failure> {
    let config = &app.state.config;
    let users = Users::from_ref(&app.state);
    if config.environment == Environment::Dev {
        let made = first_start::admin(app, &users).await?;
        greet(config, made.as_ref().map(|(email, password)| (*email, password.as_str())));
    } else if users.active_admins().await? == 0 {
        tracing::warn!("there is no active admin; make one with `stead user create EMAIL --role admin`");
    }
    tracing::info!(%address, environment = %config.environment, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(())
}

/// On stdout: the log is on stderr, and a password is for the person at the terminal, not for it.
fn greet(config: &Config, admin: Option<(&str, &str)>) {
    let url = config.server.public_url();
    if let Some((email, password)) = admin {
        _ = print(format_args!(
            "\n  First start: an admin was made. The password is shown this once.\n\n      {email}\n      {password}\n"
        ));
    }
    if std::io::stdout().is_terminal() || admin.is_some() {
        let docs = if config.docs.enabled { format!("  Try it:  {url}docs\n") } else { String::new() };
        _ = print(format_args!("{docs}  Mail:    {url}dev/mail\n"));
    }
}

async fn listen(
    app: App,
    public: TcpListener,
    operators: TcpListener,
    mut signals: Signals,
) -> Result<(), Failure> {
    let App { state, router, management, .. } = app;
    let config = state.config.clone();
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(run(public, router, state.tasks.clone()));
    servers.spawn(run(operators, management, state.tasks.clone()));
    tokio::select! {
        () = signals.first() => {}
        Some(ended) = servers.join_next() => ended??,
    }
    tracing::info!("shutting down");
    state.tasks.drain();
    let orderly = async {
        tokio::time::sleep(config.server.drain_delay).await;
        state.tasks.stop();
        let ended = tokio::time::timeout(config.server.shutdown_timeout, servers.join_all()).await;
        state.tasks.shut_down(Duration::from_secs(5)).await;
        // A request that is still under way may hold a connection for as long as it likes.
        _ = tokio::time::timeout(Duration::from_secs(1), state.db.close()).await;
        ended.is_ok()
    };
    tokio::select! {
        in_time = orderly => match in_time {
            true => tracing::info!("stopped"),
            false => tracing::warn!("stopped with requests still under way"),
        },
        () = signals.first() => tracing::warn!("stopped at the second signal"),
    }
    Ok(())
}

/// Serves until the shutdown begins, then until the requests under way are answered.
async fn run(listener: TcpListener, router: Router, tasks: Tasks) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Small answers leave at once; where that cannot be had they leave a little later.
        _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(tasks.stopping())
        .await
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
