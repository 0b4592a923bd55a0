//! Listening, and the end of it: not ready, no more connections, what is under way, background work, database.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::super::failure::Failure;
use crate::app::App;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::server::tls::{Files, Tls};
use crate::server::{Crowd, Server};
use crate::state::AppState;
use crate::tasks::{Round, Tasks};

/// Connections of operators.
const OPERATORS: usize = 64;
/// What the looking for it is called.
const CERTIFICATE: &str = "certificate";
/// How often it is looked whether there is a new certificate.
const RENEWAL: Duration = Duration::from_secs(60);
/// For the database, and then for last words, at the end of the time that a shutdown may take.
const CLOSING: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// The sockets, and the certificate where there is one.
pub(super) struct Listeners {
    pub(super) public: TcpListener,
    pub(super) operators: TcpListener,
    pub(super) tls: Option<Tls>,
}

/// How a server came to its end.
pub(super) struct End {
    /// The time that is left for last words.
    pub(super) left: Duration,
    pub(super) code: ExitCode,
}

impl Listeners {
    /// Serves until a signal, and brings it to its end.
    pub(super) async fn serve(self, app: App, mut signals: Signals) -> Result<End, Failure> {
        let App { state, router, management, .. } = app;
        // Whoever asks for files to be read again must not end a server that has none.
        let hangup = signal(SignalKind::hangup())?;
        if let Some(tls) = &self.tls {
            tls.measure(state.metrics.meter());
            renew(tls.clone(), hangup, &state.tasks);
        }
        let server = |listener, router: Router, tls, crowd| Server {
            listener,
            router,
            tls,
            crowd,
            request_timeout: state.config.server.request_timeout,
        };
        let mut servers = JoinSet::new();
        let crowds = [state.crowd.clone(), Crowd::new(OPERATORS)];
        let public = server(self.public, router, self.tls, crowds[0].clone());
        let operators = server(self.operators, management, None, crowds[1].clone());
        servers.spawn(public.run(state.tasks.clone()));
        servers.spawn(operators.run(state.tasks.clone()));
        tokio::select! {
            _ = signals.first() => {}
            Some(ended) = servers.join_next() => ended?,
        }
        tracing::info!("shutting down");
        let end = tokio::select! {
            end = end(&state, servers, &crowds) => end,
            code = signals.first() => {
                tracing::warn!(requests = under_way(&crowds), "stopped at the second signal");
                End { left: Duration::ZERO, code }
            }
        };
        state.tasks.cut_off();
        Ok(end)
    }
}

/// Requests that are cut if the process ends now.
fn under_way(crowds: &[Crowd]) -> u32 {
    crowds.iter().map(Crowd::requests).sum()
}

/// All of the shutdown, within its time.
async fn end(state: &AppState, servers: JoinSet<()>, crowds: &[Crowd]) -> End {
    let server = &state.config.server;
    state.tasks.drain();
    sleep(server.drain_delay).await;
    let deadline = Instant::now() + server.shutdown_timeout;
    let [database, words] = CLOSING.map(|time| time.min(server.shutdown_timeout / 10));
    let work_ends = deadline - database - words;
    state.tasks.stop();
    let work = state.tasks.shut_down(work_ends.saturating_duration_since(Instant::now()));
    let (answered, finished) = join(timeout_at(work_ends, servers.join_all()), work).await;
    let requests = under_way(crowds);
    // A request that is still under way may hold a connection for as long as it likes.
    let closed = timeout_at(work_ends + database, state.db.close()).await;
    let (answered, finished) = (answered.is_ok(), finished && closed.is_ok());
    match (answered, finished) {
        (true, true) => tracing::info!("stopped"),
        (false, _) => tracing::warn!(requests, "stopped with requests still under way"),
        (true, false) => tracing::warn!("stopped with background work still under way"),
    }
    let code = if answered && finished { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    End { left: deadline.saturating_duration_since(Instant::now()), code }
}

/// The certificate of the configuration, if there is one.
pub(super) fn certificate(config: &Config) -> Result<Option<Tls>, Failure> {
    let (Some(cert), Some(key)) = (config.server.tls.cert.clone(), config.server.tls.key.clone()) else {
        return Ok(None);
    };
    match Tls::load(Files { cert, key }) {
        Ok(tls) => {
            tell_if_over(&tls);
            Ok(Some(tls))
        }
        Err(error) => Err(format!("server.tls: {error}").into()),
    }
}

/// Callers refuse what is over, but a clock may be wrong: here it is a warning.
fn tell_if_over(tls: &Tls) {
    if let Some(not_after) = tls.not_after()
        && not_after < Clock::system().now()
    {
        tracing::warn!(%not_after, "the certificate has expired: callers refuse to connect");
    }
}

/// Looks for a new certificate again and again, and when asked to.
fn renew(tls: Tls, mut hangup: Signal, tasks: &Tasks) {
    let asked = Arc::new(Notify::new());
    let ask = asked.clone();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            ask.notify_one();
        }
    });
    tasks.every_or_asked(CERTIFICATE, RENEWAL, asked, move || std::future::ready(refresh(&tls)));
}

fn refresh(tls: &Tls) -> Round {
    let looked = tls.refresh();
    let round = Round::of(&looked);
    match looked {
        Ok(true) => {
            tracing::info!("a new certificate is shown from now on");
            tell_if_over(tls);
        }
        Ok(false) => {}
        Err(error) => {
            tracing::error!(%error, task = CERTIFICATE, "the certificate is not renewed; the one before is shown")
        }
    }
    round
}

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next of them, as the exit code of a process that it ends.
    pub(super) async fn first(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.terminate.recv() => ended_by(SignalKind::terminate()),
            _ = self.interrupt.recv() => ended_by(SignalKind::interrupt()),
        }
    }
}

/// What a shell makes of a process that a signal has ended.
fn ended_by(signal: SignalKind) -> ExitCode {
    u8::try_from(128 + signal.as_raw_value()).map_or(ExitCode::FAILURE, ExitCode::from)
}
