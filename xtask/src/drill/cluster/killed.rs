//! Servers are killed at random while the same requests go to all three at once, and mail is sent.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::sink::Taken;
use crate::drill::client::{Call, Client, Faults};
use crate::drill::people::{Person, join};
use crate::drill::stage::{PATIENCE, Stage};
use crate::drill::{Context, Findings};
use crate::server::Server;

const KEYS: usize = 6;
/// Whoever takes over waits for the lease of who was killed, a minute, and the mail under way for as long.
const LEASE: Duration = Duration::from_secs(90);

pub(super) async fn at_random(
    context: &Context,
    stage: &mut Stage,
    mails: &Taken,
    findings: &mut Findings,
) -> Result<()> {
    let mut random = StdRng::seed_from_u64(context.seed);
    let rounds = if context.short { 4 } else { 100 };
    let (mut answers, mut more) = (0, 0);
    for round in 0..rounds {
        let person = join(stage.client(), &format!("somebody{round}@example.com")).await?;
        answers += once(stage, &person, &mut random).await?;
        let list = stage.client().send(Call::get("notes?limit=100").by(&person.tokens.access)).await?;
        let there = list.expect(200)?.body["items"].as_array().map_or(0, Vec::len);
        more += there.abs_diff(KEYS);
    }
    findings.figure("kills", rounds);
    findings.figure("requests_with_keys", answers);
    findings.figure("notes_missing_or_doubled", more);
    findings.promise(more == 0, "a request with a key was carried out twice, or not at all");
    let begun = Instant::now();
    while !context.short && mails.all().len() < rounds && begun.elapsed() < LEASE {
        sleep(Duration::from_millis(100)).await;
    }
    let mails = mails.all();
    let again = mails.values().map(|times| times - 1).sum::<u64>();
    findings.figure("mails", mails.len());
    findings.figure("mails_sent_again", again);
    // Where a server dies between the mail server's answer and the commit, nobody can know.
    findings.promise(again <= rounds as u64, "a mail was sent again that nobody was killed over");
    findings.promise(context.short || mails.len() == rounds, "a mail was never sent");
    Ok(())
}

/// Sends each of some requests to all servers at once, kills one of them meanwhile, and asks again until all
/// are answered: each must have one answer. Says how many there were.
async fn once(stage: &mut Stage, person: &Person, random: &mut StdRng) -> Result<usize> {
    let mut asked = JoinSet::new();
    for key in 0..KEYS {
        for client in &stage.clients {
            // Who is killed fails, and that is no fault.
            asked.spawn(ask(client.clone(), note(person, key), key));
        }
    }
    sleep(Duration::from_millis(random.random_range(0..40))).await;
    let victim = random.random_range(0..stage.servers.len());
    let old = stage.servers.remove(victim);
    let port = old.address().port();
    old.kill()?;
    let mut new = Server::start_at(&stage.binary, &stage.place, &[], port)?;
    new.wait_for("/health/ready", PATIENCE)?;
    stage.clients[victim] = Client::new(new.url(), &Faults::default())?;
    stage.servers.insert(victim, new);
    let mut told: Vec<(usize, String)> = asked.join_all().await.into_iter().flatten().collect();
    for key in 0..KEYS {
        for client in &stage.clients {
            let answer = client.send(note(person, key)).await?.expect(201)?;
            told.push((key, answer.text("id")?));
        }
        let ids: BTreeSet<&String> = told.iter().filter(|(of, _)| *of == key).map(|(_, id)| id).collect();
        ensure!(ids.len() == 1, "one key has the answers {ids:?}");
    }
    Ok(told.len())
}

async fn ask(client: Client, call: Call, key: usize) -> Option<(usize, String)> {
    let answer = client.send(call).await.ok().filter(|answer| answer.status == 201)?;
    Some((key, answer.text("id").ok()?))
}

fn note(person: &Person, key: usize) -> Call {
    let note = json!({ "title": format!("note {key}"), "body": "" });
    Call::post("notes").by(&person.tokens.access).with(note).header("Idempotency-Key", &format!("key-{key}"))
}
