//! The rules that wake somebody: checked, tried on series that nobody measured, and caused for real.

mod lock;
mod prometheus;
mod scarcity;

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Url;

use super::client::{Client, Faults, at_once};
use super::figures::rounded;
use super::people::{join, login, me, refresh};
use super::replicas::proxy::{Line, Proxy};
use super::stage::{self, Database, PATIENCE, block_on};
use super::{Context, Drill, Findings, Part};
use crate::place::Place;
use crate::postgres::free_port;
use crate::process;
use crate::server::{self, Server};
use prometheus::Prometheus;
use scarcity::Scarcity;

pub const DRILL: Drill = Drill {
    name: "alerts",
    about: "the rules that wake somebody: each fires on series made for it, and on a server to which it is done",
    parts: &[
        Part { about: "as written, on series that nobody measured", run: as_written },
        Part { about: "caused on a server, and seen by Prometheus", run: caused },
        Part { about: "caused on servers that lack something, and seen by Prometheus", run: lacking },
    ],
};

/// Longer than the slowest rule in a hurry takes.
const SOON: Duration = Duration::from_secs(60);

fn as_written(_: &Context) -> Result<Findings> {
    if process::find("promtool").is_none() {
        return Ok(Findings::skipped("no promtool; scripts/ci-setup installs it"));
    }
    let mut findings = Findings::default();
    let rules = prometheus::rules()?;
    findings.figure("rules", rules.matches("- alert: ").count());
    let folder = process::root().join("deploy/prometheus");
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ] {
        let checked = process::output(process::command("promtool").args(arguments).current_dir(&folder));
        findings.promise(checked.is_ok(), format!("promtool {}: {checked:?}", arguments.join(" ")));
    }
    Ok(findings)
}

/// One server with its way to the database, which may be cut.
struct Scene<'a> {
    binary: &'a std::path::Path,
    place: &'a Place,
    management: u16,
    proxy: Option<Proxy>,
    database: Option<String>,
}

fn caused(context: &Context) -> Result<Findings> {
    if process::find("prometheus").is_none() {
        return Ok(Findings::skipped("no Prometheus; scripts/ci-setup installs it"));
    }
    let binary = server::build(context.profile)?;
    let database = if context.short { Database::Sqlite } else { Database::Postgres };
    let settings = [
        ("APP_RATE_LIMIT__ENABLED", "false"),
        ("APP_AUTH__REFRESH_GRACE", "0s"),
        ("APP_AUTH__HASH__THREADS", "1"),
        ("APP_AUTH__HASH__QUEUE", "4"),
        // Nobody listens there.
        ("APP_MAIL__URL", "smtp://127.0.0.1:1"),
        ("APP_MAIL__FROM", "Stead <stead@example.com>"),
    ];
    let Some(place) = stage::place(context, &binary, database, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut findings = Findings::default();
    block_on(play(context, &binary, &place, &mut findings))?;
    Ok(findings)
}

fn lacking(context: &Context) -> Result<Findings> {
    if process::find("prometheus").is_none() {
        return Ok(Findings::skipped("no Prometheus; scripts/ci-setup installs it"));
    }
    let binary = server::build(context.profile)?;
    let mut findings = Findings::default();
    block_on(async { Scarcity::begin(context, &binary)?.play(&mut findings).await })?;
    Ok(findings)
}

async fn play(
    context: &Context,
    binary: &std::path::Path,
    place: &Place,
    findings: &mut Findings,
) -> Result<()> {
    let mut scene = Scene { binary, place, management: free_port()?, proxy: None, database: None };
    if !context.short {
        scene.between().await?;
    }
    let prometheus = Prometheus::start(scene.management)?;
    let (server, client) = scene.serve()?;
    prometheus.knows("auth_refusals_total", SOON).await?;
    let person = join(&client, "ada@example.com").await?;
    client.send(refresh(&person.tokens.refresh)).await?.expect(200)?;
    client.send(refresh(&person.tokens.refresh)).await?.expect(401)?;
    note(findings, &prometheus, "RefreshTokenReused", async || Ok(())).await?;
    let server = match context.short {
        true => server,
        false => everything(&scene, &prometheus, server, &client, findings).await?,
    };
    server.kill()?;
    note(findings, &prometheus, "ServerDown", async || Ok(())).await
}

async fn everything(
    scene: &Scene<'_>,
    prometheus: &Prometheus,
    server: Server,
    client: &Client,
    findings: &mut Findings,
) -> Result<Server> {
    client
        .send(
            super::client::Call::post("auth/password/forgot")
                .with(serde_json::json!({"email": "ada@example.com"})),
        )
        .await?
        .expect(202)?;
    note(findings, prometheus, "OutboxStuck", async || Ok(())).await?;
    let mut guesses = 0;
    let mut flood = async || {
        guesses += 1;
        let strangers =
            (0..16).map(|n| login(&format!("nobody-{guesses}-{n}@example.com"), "seven purple otters"));
        at_once(std::slice::from_ref(client), strangers.collect()).await.map(drop)
    };
    note(findings, prometheus, "HashQueueFull", &mut flood).await?;
    note(findings, prometheus, "SignInAttack", &mut flood).await?;
    let person = super::people::sign_in(client, "ada@example.com", super::people::PASSWORD).await?;
    scene.line(Line::Cut);
    let ask = async || client.send(me(&person.tokens.access)).await.map(drop);
    for alert in ["NobodyBelieved", "DatabaseUnreachable", "TaskFailing", "ErrorRatio"] {
        note(findings, prometheus, alert, ask).await?;
    }
    scene.line(Line::Up);
    let mut server = server;
    for _ in 0..3 {
        server.kill()?;
        server = scene.serve()?.0;
        // Prometheus looks every second, and a start is told in whole seconds.
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    note(findings, prometheus, "ServerRestarting", async || Ok(())).await?;
    Ok(server)
}

impl Scene<'_> {
    /// Puts a line that can be cut before the database.
    async fn between(&mut self) -> Result<()> {
        let mut url = Url::parse(self.place.variable("APP_DATABASE__URL").context("no database")?)?;
        let host = url.host_str().unwrap_or("127.0.0.1").to_owned();
        let proxy = Proxy::to(format!("{host}:{}", url.port().unwrap_or(5432))).await?;
        url.set_host(Some("127.0.0.1"))?;
        url.set_port(Some(proxy.address.port())).ok().context("an address without a port")?;
        (self.proxy, self.database) = (Some(proxy), Some(url.to_string()));
        Ok(())
    }

    fn line(&self, line: Line) {
        if let Some(proxy) = &self.proxy {
            proxy.set(line);
        }
    }

    fn serve(&self) -> Result<(Server, Client)> {
        let management = format!("127.0.0.1:{}", self.management);
        let mut variables = vec![("APP_SERVER__MANAGEMENT_ADDRESS", management.as_str())];
        variables.extend(self.database.as_deref().map(|url| ("APP_DATABASE__URL", url)));
        let mut server = Server::start_with(self.binary, self.place, &variables)?;
        server.wait_for("/health/ready", PATIENCE)?;
        let client = Client::new(server.url(), &Faults::default())?;
        Ok((server, client))
    }
}

/// Causes an alert until it fires, and notes after how many seconds it did.
async fn note(
    findings: &mut Findings,
    prometheus: &Prometheus,
    alert: &str,
    cause: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    match prometheus.fires(alert, SOON, cause).await? {
        Some(after) => findings.figure(&format!("{alert}_fired_after_s"), rounded(after.as_secs_f64())),
        None => findings.promise(false, format!("{alert} did not fire within {SOON:?}")),
    }
    Ok(())
}
