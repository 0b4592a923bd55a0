//! Servers that lack something: connections to their database, files, room on the disk, time.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::lock::Lock;
use super::prometheus::Prometheus;
use super::{SOON, note};
use crate::drill::client::{Client, Faults, at_once};
use crate::drill::confined::{self, SmallDisk};
use crate::drill::people::{join, me};
use crate::drill::stage::{self, CHEAP, Database, PATIENCE};
use crate::drill::{Context, Findings};
use crate::place::Place;
use crate::postgres::free_port;
use crate::process;
use crate::server::Server;

/// Few, so that a crowd of callers is not many.
const CONNECTIONS: (&str, &str) = ("APP_DATABASE__MAX_CONNECTIONS", "1");
/// More than a server with one connection takes at once.
const CROWD: usize = 160;
/// Enough for a server to hold connections up to four fifths of them, and few enough for this process.
const FILES: usize = 768;
const DISK_MIB: usize = 64;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where all of it happens: one Prometheus looks at one server after the other.
pub struct Scarcity<'a> {
    pub context: &'a Context,
    pub binary: &'a Path,
    prometheus: Prometheus,
    management: String,
}

impl<'a> Scarcity<'a> {
    pub fn begin(context: &'a Context, binary: &'a Path) -> Result<Self> {
        let management = free_port()?;
        let prometheus = Prometheus::start(management)?;
        Ok(Self { context, binary, prometheus, management: format!("127.0.0.1:{management}") })
    }

    pub async fn play(&self, findings: &mut Findings) -> Result<()> {
        self.connections(findings).await?;
        self.files(findings).await?;
        self.disk(findings).await?;
        self.certificate(findings).await?;
        self.schema(findings).await
    }

    /// Somebody locks a table that every request reads: each waits for the one connection, then is turned away.
    async fn connections(&self, findings: &mut Findings) -> Result<()> {
        let alerts = ["RequestsShed", "PoolExhausted", "SlowAnswers"];
        let settings = [
            CHEAP,
            &[
                CONNECTIONS,
                ("APP_DATABASE__ACQUIRE_TIMEOUT", "2s"),
                ("APP_DATABASE__STATEMENT_TIMEOUT", "3s"),
            ],
        ]
        .concat();
        let Some(place) = stage::place(self.context, self.binary, Database::Postgres, &settings)? else {
            return not_shown(findings, &alerts, "no PostgreSQL");
        };
        let server = self.serve(self.binary, &place, &[])?;
        let client = Client::new(server.url(), &Faults::default())?;
        let person = join(&client, "ada@example.com").await?;
        self.quiet(findings, &alerts).await?;
        let url = place.variable("APP_DATABASE__URL").unwrap_or_default();
        let Some(_lock) = Lock::of("users", url)? else {
            return not_shown(findings, &alerts, "no psql");
        };
        let mut ask = async || {
            let calls = vec![me(&person.tokens.access); CROWD];
            at_once(std::slice::from_ref(&client), calls).await.map(drop)
        };
        for alert in alerts {
            note(findings, &self.prometheus, alert, &mut ask).await?;
        }
        server.kill()
    }

    /// Callers who stay, on a server that may have few files.
    async fn files(&self, findings: &mut Findings) -> Result<()> {
        let place = self.on_sqlite(&[CONNECTIONS])?;
        let confined = confined::few_files(self.binary, &place, FILES)?;
        let server = self.serve(&confined, &place, &[])?;
        self.quiet(findings, &["FilesNearlyUsedUp"]).await?;
        let mut held = Vec::new();
        let come = async || {
            while held.len() < FILES * 82 / 100 {
                let mut caller = TcpStream::connect(server.address()).await?;
                caller.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
                held.push(caller);
            }
            Ok(())
        };
        note(findings, &self.prometheus, "FilesNearlyUsedUp", come).await?;
        server.kill()
    }

    /// Something else fills the disk that the database is on.
    async fn disk(&self, findings: &mut Findings) -> Result<()> {
        let place = self.on_sqlite(&[])?;
        let Some(disk) = SmallDisk::mount(self.binary, &place, DISK_MIB)? else {
            return not_shown(findings, &["DiskNearlyFull"], "nobody here may mount a disk");
        };
        let url = SmallDisk::url();
        process::output(place.command(&disk.program).env("APP_DATABASE__URL", &url).args(["migrate", "up"]))?;
        let server = self.serve(&disk.program, &place, &[("APP_DATABASE__URL", &url)])?;
        self.quiet(findings, &["DiskNearlyFull"]).await?;
        disk.nearly_fill()?;
        note(findings, &self.prometheus, "DiskNearlyFull", async || Ok(())).await?;
        server.kill()
    }

    /// A certificate lasts for a year, and then one for a week takes its place.
    async fn certificate(&self, findings: &mut Findings) -> Result<()> {
        let tls = [("APP_SERVER__TLS__CERT", "cert.pem"), ("APP_SERVER__TLS__KEY", "key.pem")];
        let place = self.on_sqlite(&tls)?;
        certify(&place, 365 * DAY)?;
        let server = self.begin_serving(self.binary, &place, &[])?;
        self.quiet(findings, &["CertificateExpiresSoon"]).await?;
        certify(&place, 7 * DAY)?;
        let ask_to_look = async || server.hang_up();
        note(findings, &self.prometheus, "CertificateExpiresSoon", ask_to_look).await?;
        server.kill()
    }

    /// A migration that the server needs is undone under it.
    async fn schema(&self, findings: &mut Findings) -> Result<()> {
        let place = self.on_sqlite(&[])?;
        let server = self.serve(self.binary, &place, &[])?;
        self.quiet(findings, &["SchemaNotCurrent"]).await?;
        process::output(place.command(self.binary).args(["migrate", "down", "--yes"]))?;
        note(findings, &self.prometheus, "SchemaNotCurrent", async || Ok(())).await?;
        server.kill()
    }

    fn on_sqlite(&self, settings: &[(&str, &str)]) -> Result<Place> {
        let place = stage::place(self.context, self.binary, Database::Sqlite, &[CHEAP, settings].concat())?;
        place.ok_or_else(|| anyhow::anyhow!("no SQLite"))
    }

    fn serve(&self, binary: &Path, place: &Place, variables: &[(&str, &str)]) -> Result<Server> {
        let mut server = self.begin_serving(binary, place, variables)?;
        server.wait_for("/health/ready", PATIENCE)?;
        Ok(server)
    }

    /// It may not be ready yet.
    fn begin_serving(&self, binary: &Path, place: &Place, variables: &[(&str, &str)]) -> Result<Server> {
        let management = ("APP_SERVER__MANAGEMENT_ADDRESS", self.management.as_str());
        Server::start_with(binary, place, &[&[management], variables].concat())
    }

    /// None of these fires on a server that is looked at and lacks nothing yet.
    async fn quiet(&self, findings: &mut Findings, alerts: &[&str]) -> Result<()> {
        self.prometheus.looks_again(SOON).await?;
        let firing = self.prometheus.firing().await?;
        for alert in alerts {
            findings.promise(!firing.contains(*alert), format!("{alert} fires before it is caused"));
        }
        Ok(())
    }
}

/// Puts a certificate that lasts for so long where the server looks for it.
fn certify(place: &Place, lasts: Duration) -> Result<()> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.not_after = date_time_ymd(1970, 1, 1) + SystemTime::now().duration_since(UNIX_EPOCH)? + lasts;
    let key = KeyPair::generate()?;
    fs::write(place.folder().join("key.pem"), key.serialize_pem())?;
    fs::write(place.folder().join("cert.pem"), params.self_signed(&key)?.pem())?;
    Ok(())
}

/// Says aloud that some alerts were not caused.
fn not_shown(findings: &mut Findings, alerts: &[&str], why: &str) -> Result<()> {
    for alert in alerts {
        println!("{alert} is NOT SHOWN: {why}");
        findings.figure(&format!("{alert}_not_shown"), why);
    }
    Ok(())
}
