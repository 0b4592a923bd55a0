//! `stead serve`: from configuration to listening.

mod listen;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::FromRef;
use clap::Args;
use tokio::net::TcpListener;

use self::listen::{End, Listeners, Signals, certificate};
use super::context::{load_with, open, print};
use super::failure::Failure;
use super::first_start;
use crate::access::principal::Status;
use crate::app::App;
use crate::config::{Config, Environment, Loaded, Transport};
use crate::features::users::service::Users;
use crate::telemetry::{Telemetry, logs};

/// How long requests that are cut off have to say so in the log.
const CUT: Duration = Duration::from_millis(200);
/// How long traces, figures and reports may still take to leave, however much time there is.
const LAST_WORDS: Duration = Duration::from_secs(3);

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
    /// Exit codes: 0 everything came to its end, 1 it failed or something was cut off at the end of its time,
    /// 128 and the number of a signal that ended it at once.
    pub fn run(self, file: Option<PathBuf>) -> Result<ExitCode, Failure> {
        let port = self.port.map(|port| ("server.port".to_owned(), port.to_string()));
        let host = self.host.map(|host| ("server.host".to_owned(), host));
        let loaded = load_with(file, port.into_iter().chain(host).collect())?;
        let mut telemetry = Telemetry::start(&loaded.config)?;
        logs::log_panics();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ended = runtime.block_on(serve(loaded, &mut telemetry));
        // What still runs on a thread of its own, such as a look-up of a name, is not waited for any longer.
        runtime.shutdown_timeout(CUT);
        let left = ended.as_ref().map_or(LAST_WORDS, |end| end.left);
        telemetry.finish(LAST_WORDS.min(left));
        ended.map(|end| end.code)
    }
}

async fn serve(loaded: Loaded, telemetry: &mut Telemetry) -> Result<End, Failure> {
    let mut signals = Signals::listen()?;
    let started = tokio::select! {
        started = start(loaded, telemetry) => Ok(started?),
        code = signals.first() => Err(code),
    };
    match started {
        Ok((app, listeners)) => listeners.serve(app, signals).await,
        // A database that does not answer may have held it up.
        Err(code) => {
            tracing::warn!("stopped before it served");
            Ok(End { left: Duration::ZERO, code })
        }
    }
}

/// All that comes before the first request.
async fn start(loaded: Loaded, telemetry: &mut Telemetry) -> Result<(App, Listeners), Failure> {
    let Loaded { config, warnings, .. } = loaded;
    for warning in warnings {
        tracing::warn!(key = warning.key, problem = warning.problem, "{}", warning.suggestion);
    }
    // Before anything is made or built: whoever finds the port taken should hear of it first.
    let public = bind(config.server.address(), "server.port", "stead serve --port 8000").await?;
    let operators = bind(
        config.server.management_address,
        "server.management_address",
        "APP_SERVER__MANAGEMENT_ADDRESS=127.0.0.1:8001",
    )
    .await?;
    let tls = certificate(&config)?;
    if config.environment == Environment::Dev {
        first_start::migrate(&config).await?;
    }
    let app = open(config).await?;
    telemetry.measures(app.state.metrics.clone());
    app.attend()?;
    let listeners = Listeners { public, operators, tls };
    welcome(&app, &listeners).await?;
    Ok((app, listeners))
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
async fn welcome(app: &App, listeners: &Listeners) -> Result<(), Failure> {
    let config = &app.state.config;
    let (address, management) = (listeners.public.local_addr()?, listeners.operators.local_addr()?);
    let users = Users::from_ref(&app.state);
    if config.environment == Environment::Dev {
        let made = first_start::admin(app, &users).await?;
        greet(config, management, made.as_ref().map(|(email, password)| (*email, password.as_str())));
    } else {
        look_for_admins(&users).await?;
    }
    tracing::info!(%address, %management, environment = %config.environment, version = env!("CARGO_PKG_VERSION"), "listening");
    Ok(())
}

async fn look_for_admins(users: &Users) -> Result<(), Failure> {
    if users.admins(Status::Active).await? > 0 {
        return Ok(());
    }
    match users.admins(Status::Pending).await? {
        0 => tracing::warn!("there is no active admin; make one with `stead user create EMAIL --role admin`"),
        pending => tracing::warn!(
            pending,
            "no admin is active yet: the link of an invitation lasts for 24 hours, and a forgotten password mails another"
        ),
    }
    Ok(())
}

/// On stdout: the log is on stderr, and a password is for the person at the terminal, not for it.
fn greet(config: &Config, management: SocketAddr, admin: Option<(&str, &str)>) {
    let url = config.server.public_url();
    if let Some((email, password)) = admin {
        _ = print(format_args!(
            "\n  First start: an admin was made. The password is shown this once.\n\n      {email}\n      {password}\n"
        ));
    }
    if std::io::stdout().is_terminal() || admin.is_some() {
        let docs = if config.docs.enabled { format!("  Try it:  {url}docs\n") } else { String::new() };
        let mail = match config.transport() {
            Some(Transport::Smtp(server)) => format!("by {}:{}", server.host, server.port),
            Some(Transport::Folder(folder)) => format!("into {}", folder.display()),
            Some(Transport::Outbox) | None => format!("{url}dev/mail"),
        };
        _ = print(format_args!("{docs}  Mail:    {mail}\n  Metrics: http://{management}/metrics\n"));
    }
}
