//! One server loses its line to the database: it believes nobody, stays alive, and comes back by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use reqwest::Url;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::proxy::{Line, Proxy};
use crate::drill::client::{Call, Client, Faults};
use crate::drill::figures::{milliseconds, spread};
use crate::drill::people::{Person, join, me};
use crate::drill::stage::Stage;
use crate::drill::{Context, Findings};

/// Nobody is believed when the last look at the database began longer ago.
const TRUSTED: Duration = Duration::from_secs(5);
const MARGIN: Duration = Duration::from_secs(1);
const OUTAGE: Duration = Duration::from_secs(7);
/// What the server gives a request that is under way when its line falls silent ...
const REQUEST_TIMEOUT: &str = "4s";
/// ... and so how long an answer may take, whatever it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer that waits for nothing.
const ALIVE: Duration = Duration::from_secs(1);
const RECOVERY: Duration = Duration::from_secs(10);

/// One request during the outage.
struct Sample {
    what: What,
    /// After the line went.
    begun: Duration,
    took: Duration,
    status: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Live,
    Caller,
    /// Somebody who signed out on another server after the line went.
    Gone,
}

/// What a round saw of a server without a line.
#[derive(Default)]
struct Times {
    refused_after: Vec<f64>,
    answers: Vec<f64>,
    recovery: Vec<f64>,
}

pub(super) async fn of_one(context: &Context, stage: &mut Stage, findings: &mut Findings) -> Result<()> {
    let direct = Url::parse(stage.place.variable("APP_DATABASE__URL").context("no database")?)?;
    let host = direct.host_str().unwrap_or("127.0.0.1").to_owned();
    let proxy = Proxy::to(format!("{host}:{}", direct.port().unwrap_or(5432))).await?;
    let mut through = direct;
    through.set_host(Some("127.0.0.1"))?;
    through.set_port(Some(proxy.address.port())).ok().context("an address without a port")?;
    stage
        .add(&[("APP_DATABASE__URL", through.as_str()), ("APP_SERVER__REQUEST_TIMEOUT", REQUEST_TIMEOUT)])?;
    // What it answers meanwhile is judged here: a 503 is what is wanted.
    let lonely = Client::new(stage.servers.last().context("no server")?.url(), &Faults::default())?;
    stage.clients.pop();
    let rounds = if context.short { 1 } else { 15 };
    for (name, line) in [("cut", Line::Cut), ("silent", Line::Silent)] {
        let mut times = Times::default();
        for round in 0..rounds {
            let people = [
                join(stage.client(), &format!("{name}-{round}@example.com")).await?,
                join(stage.client(), &format!("{name}-gone-{round}@example.com")).await?,
            ];
            for person in &people {
                lonely.send(me(&person.tokens.access)).await?.expect(200)?;
            }
            lose(stage, &lonely, &proxy, line, &people, findings, &mut times).await?;
        }
        findings.figure(&format!("{name}_rounds"), rounds);
        spread(findings, &format!("{name}_first_503_ms"), times.refused_after);
        spread(findings, &format!("{name}_answer_ms"), times.answers);
        spread(findings, &format!("{name}_recovery_ms"), times.recovery);
    }
    Ok(())
}

async fn lose(
    stage: &Stage,
    lonely: &Client,
    proxy: &Proxy,
    line: Line,
    people: &[Person; 2],
    findings: &mut Findings,
    times: &mut Times,
) -> Result<()> {
    let [stays, goes] = people;
    let begun = Instant::now();
    proxy.set(line);
    stage.client().send(Call::post("auth/logout").by(&goes.tokens.access)).await?.expect(204)?;
    let mut samples = JoinSet::new();
    while begun.elapsed() < OUTAGE {
        let calls = [
            (What::Live, Call::get("/health/live")),
            (What::Caller, me(&stays.tokens.access)),
            (What::Gone, me(&goes.tokens.access)),
        ];
        for (what, call) in calls {
            samples.spawn(sample(lonely.clone(), what, call, begun));
        }
        sleep(Duration::from_millis(100)).await;
    }
    let samples = samples.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    for sample in &samples {
        if let Some(fault) = sample.fault() {
            findings.promise(false, format!("{line:?}: {fault}"));
        }
    }
    let callers = || samples.iter().filter(|sample| sample.what == What::Caller);
    let first =
        callers().filter(|sample| sample.status == 503).map(|sample| sample.begun + sample.took).min();
    times.refused_after.extend(first.map(milliseconds));
    let in_time = first.is_some_and(|first| first < TRUSTED + MARGIN);
    findings.promise(in_time, format!("{line:?}: the first 503 came after {first:?}"));
    times.answers.extend(callers().map(|sample| milliseconds(sample.took)));

    let mended = Instant::now();
    let mut statuses = BTreeMap::new();
    proxy.set(Line::Up);
    loop {
        // Whoever signed out meanwhile is refused at once, or not answered yet: never believed.
        let gone = lonely.send(me(&goes.tokens.access)).await?;
        findings.promise(gone.status != 200, format!("{line:?}: after it, who had signed out was believed"));
        let answer = lonely.send(me(&stays.tokens.access)).await?;
        if answer.status == 200 {
            break;
        }
        *statuses.entry((answer.status, answer.code().to_owned())).or_insert(0_u32) += 1;
        if mended.elapsed() > RECOVERY {
            findings
                .promise(false, format!("{line:?}: not back {RECOVERY:?} after the line was: {statuses:?}"));
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    times.recovery.push(milliseconds(mended.elapsed()));
    sleep(Duration::from_secs(1)).await;
    Ok(())
}

async fn sample(client: Client, what: What, call: Call, line_lost: Instant) -> Result<Sample> {
    let begun = Instant::now();
    let status = client.send(call).await?.status;
    Ok(Sample { what, begun: begun.duration_since(line_lost), took: begun.elapsed(), status })
}

impl Sample {
    fn fault(&self) -> Option<String> {
        let Self { begun, took, status, .. } = self;
        let about = format!("{status} in {took:?}, asked {begun:?} after the line went");
        match self.what {
            What::Live if *status != 200 || *took > ALIVE => Some(format!("/health/live: {about}")),
            What::Live => None,
            // It may not know yet, or have heard just in time, or be asking a line that says nothing.
            What::Gone if *begun < TRUSTED && *status == 401 => None,
            _ if *begun < TRUSTED && *took < PATIENCE && matches!(status, 200 | 503 | 504) => None,
            _ if *status == 503 && *took < ALIVE => None,
            _ => Some(format!("a caller: {about}")),
        }
    }
}
