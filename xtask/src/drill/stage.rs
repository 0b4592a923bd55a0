//! Where a drill takes place: one database, one or more servers on it, and a client for each.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;

use super::client::{Client, Faults};
use super::{Context, Findings};
use crate::place::Place;
use crate::process;
use crate::server::{self, Server};

pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// Not what is drilled where it is not named: hashes cost nothing, and nobody is told to slow down.
pub const CHEAP: &[(&str, &str)] = &[
    ("APP_AUTH__HASH__MEMORY_KIB", "64"),
    ("APP_AUTH__HASH__ITERATIONS", "1"),
    ("APP_RATE_LIMIT__ENABLED", "false"),
];
/// Several servers are one to their callers: a token of one is a token of all.
pub const COMMON: &[(&str, &str)] =
    &[("APP_ENV", "testing"), ("APP_SERVER__PUBLIC_URL", "http://stead.example"), ("APP_LOG__LEVEL", "warn")];

pub struct Stage {
    pub binary: PathBuf,
    pub place: Place,
    pub servers: Vec<Server>,
    pub clients: Vec<Client>,
    pub faults: Faults,
}

/// An empty, migrated database with the settings of a drill; `None` where there is no PostgreSQL.
pub fn place(
    context: &Context,
    binary: &Path,
    database: Database,
    settings: &[(&str, &str)],
) -> Result<Option<Place>> {
    let place = match database {
        Database::Sqlite => Some(Place::sqlite()?),
        Database::Postgres => super::postgres(context, binary)?,
    };
    let Some(place) = place else { return Ok(None) };
    let place = furnished(place, settings);
    if database == Database::Sqlite {
        process::output(place.command(binary).args(["migrate", "up"]))?;
    }
    Ok(Some(place))
}

/// The place with the settings of a drill.
fn furnished(place: Place, settings: &[(&str, &str)]) -> Place {
    let settings = COMMON.iter().chain(settings);
    settings.fold(place, |place, (name, value)| place.with(name, value))
}

impl Stage {
    /// Servers with cheap hashes and no limits but those of accounts.
    pub fn cheap(
        context: &Context,
        database: Database,
        servers: usize,
        settings: &[(&str, &str)],
    ) -> Result<Option<Self>> {
        Self::open(context, database, servers, &[CHEAP, settings].concat())
    }

    /// Servers as configured by default, but for these settings.
    pub fn open(
        context: &Context,
        database: Database,
        servers: usize,
        settings: &[(&str, &str)],
    ) -> Result<Option<Self>> {
        let binary = server::build(context.profile)?;
        let Some(place) = place(context, &binary, database, settings)? else { return Ok(None) };
        let mut stage =
            Self { binary, place, servers: Vec::new(), clients: Vec::new(), faults: Faults::default() };
        for _ in 0..servers {
            stage.add(&[])?;
        }
        Ok(Some(stage))
    }

    /// Nobody yet, on a PostgreSQL that the drill brought along.
    pub fn upon(context: &Context, url: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let binary = server::build(context.profile)?;
        let place = furnished(Place::on(&binary, url)?, settings);
        Ok(Self { binary, place, servers: Vec::new(), clients: Vec::new(), faults: Faults::default() })
    }

    /// One more server, with variables of its own.
    pub fn add(&mut self, variables: &[(&str, &str)]) -> Result<()> {
        let mut server = Server::start_with(&self.binary, &self.place, variables)?;
        server.wait_for("/health/ready", PATIENCE)?;
        self.clients.push(Client::new(server.url(), &self.faults)?);
        self.servers.push(server);
        Ok(())
    }

    /// The client of the first server.
    pub fn client(&self) -> &Client {
        &self.clients[0]
    }

    /// Runs the program beside the servers, as an operator does.
    pub fn operator(&self, arguments: &[&str]) -> Result<String> {
        process::output(self.place.command(&self.binary).args(arguments))
    }

    /// Makes an account with a role, as an operator does.
    pub fn create(&self, email: &str, password: &str, role: &str) -> Result<()> {
        create(&self.binary, &self.place, email, password, role)
    }

    /// Ends the servers, and notes what they failed at.
    pub fn close(self, findings: &mut Findings) -> Result<()> {
        for server in self.servers {
            server.stop(PATIENCE)?;
        }
        note_faults(&self.faults, findings);
        Ok(())
    }
}

/// Makes an account with a role, as an operator does.
pub fn create(binary: &Path, place: &Place, email: &str, password: &str, role: &str) -> Result<()> {
    let mut create = place.command(binary);
    create.args(["user", "create", email, "--role", role, "--password-stdin"]);
    process::feed(create.stdout(Stdio::null()), password)
}

/// Notes how often a server failed, which it never may.
pub fn note_faults(faults: &Faults, findings: &mut Findings) {
    let faults = faults.all();
    findings.figure("server_errors", faults.values().sum::<u64>());
    for (what, times) in faults {
        findings.promise(false, format!("{what}, {times} times"));
    }
}

/// Runs what asks many things at once.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
