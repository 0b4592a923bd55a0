//! Many strangers guess at one account's password, from many addresses; its owner keeps signing in.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::{Call, Client};
use super::figures::rounded;
use super::people::{Person, join, login};
use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};

pub const DRILL: Drill = Drill {
    name: "throttle",
    about: "guesses from a thousand addresses at one account, whose owner signs in all the while",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite, 1) },
        Part { about: "three servers on PostgreSQL", run: |context| run(context, Database::Postgres, 3) },
    ],
};

const ADDRESSES: u32 = 1000;
/// Guesses under way at the same time: fewer than the hash queue takes.
const AT_ONCE: usize = 32;
/// What one account allows: so many in a window, and so many in a row without a right one.
const UNITS: u64 = 10;
const WINDOW: Duration = Duration::from_secs(15 * 60);
const CONSECUTIVE: u64 = 100;

fn run(context: &Context, database: Database, servers: usize) -> Result<Findings> {
    // The limits of addresses are on: a thousand of them are how an attack gets around those.
    let settings = [("APP_SERVER__TRUSTED_PROXIES", "127.0.0.1/32"), ("APP_RATE_LIMIT__ENABLED", "true")];
    let Some(stage) = Stage::cheap(context, database, servers, &settings)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut findings = Findings::default();
    block_on(attack(context, &stage, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}

async fn attack(context: &Context, stage: &Stage, findings: &mut Findings) -> Result<()> {
    let guesses = if context.short { 300 } else { 10_000 };
    let owner = join(stage.client(), "owner@example.com").await?;
    let over = Arc::new(AtomicBool::new(false));
    let visits = tokio::spawn(visit(stage.clients.clone(), owner.clone(), over.clone()));
    let begun = Instant::now();
    let answers = guess(stage, &owner.email, guesses).await;
    over.store(true, Ordering::Relaxed);
    let (visits, answers) = (visits.await??, answers?);
    let elapsed = begun.elapsed();

    let verified = answers.get("401 invalid_credentials").copied().unwrap_or_default();
    let refused = answers.get("429 too_many_attempts").copied().unwrap_or_default();
    findings.figure("guesses", guesses);
    findings.figure("addresses", ADDRESSES.min(guesses));
    findings.figure("seconds", rounded(elapsed.as_secs_f64()));
    findings.figure("guesses_verified", verified);
    findings.figure("guesses_refused", refused);
    findings.figure("owner_sign_ins", visits.tried);
    findings.figure("owner_signed_in", visits.tried - visits.refused.len());
    let windows = elapsed.as_secs() / WINDOW.as_secs() + 1;
    let most = (UNITS * windows).min(CONSECUTIVE);
    findings.promise(verified <= most, format!("{verified} guesses were verified, more than {most}"));
    findings.promise(verified > 0, "no guess was verified: this was no attack");
    let others = u64::from(guesses) - verified - refused;
    findings.promise(others == 0, format!("guesses were answered otherwise: {answers:?}"));
    for refusal in visits.refused.iter().take(3) {
        findings.promise(false, format!("the owner was kept out: {refusal}"));
    }
    findings.promise(visits.tried > 0, "the owner never signed in");
    Ok(())
}

/// The answers to all guesses, counted.
async fn guess(stage: &Stage, email: &str, guesses: u32) -> Result<BTreeMap<String, u64>> {
    let next = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for client in stage.clients.iter().cycle().take(AT_ONCE) {
        let (client, next, email) = (client.clone(), next.clone(), email.to_owned());
        tasks.spawn(async move {
            let mut answers: BTreeMap<String, u64> = BTreeMap::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= guesses {
                    return Ok::<_, anyhow::Error>(answers);
                }
                let guess = login(&email, &format!("guess number {number}")).from(stranger(number));
                let answer = client.send(guess).await?;
                *answers.entry(format!("{} {}", answer.status, answer.code())).or_default() += 1;
            }
        });
    }
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for answers in tasks.join_all().await {
        for (answer, times) in answers? {
            *all.entry(answer).or_default() += times;
        }
    }
    Ok(all)
}

#[derive(Default)]
struct Visits {
    tried: usize,
    refused: Vec<String>,
}

/// The owner on a known device, from wherever they are, until the attack is over.
async fn visit(clients: Vec<Client>, owner: Person, over: Arc<AtomicBool>) -> Result<Visits> {
    let mut visits = Visits::default();
    for (number, client) in (0u32..).zip(clients.iter().cycle()) {
        let body =
            json!({ "email": owner.email, "password": owner.password, "device_token": owner.tokens.device });
        let answer = client.send(Call::post("auth/login").with(body).from(home(number))).await?;
        visits.tried += 1;
        if answer.status != 200 {
            visits.refused.push(answer.shown());
        }
        if over.load(Ordering::Relaxed) {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(visits)
}

/// One of a thousand networks.
fn stranger(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + number % ADDRESSES))
}

/// The owner moves about, so that it is the account's limit that is met and not an address's.
fn home(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(203, 0, 0, 1)) + number))
}
