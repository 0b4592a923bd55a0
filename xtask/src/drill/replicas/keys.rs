//! Keys change while people work: nobody is signed out by a rotation, and everybody by a revocation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::drill::client::{Call, Client};
use crate::drill::figures::{milliseconds, rounded};
use crate::drill::people::{Person, Tokens, join, me, refresh, sign_in, time_until_refused};
use crate::drill::stage::Stage;
use crate::drill::{Context, Findings};

const CALLERS: usize = 6;
/// How long a new key is known before it signs, and some more to see it sign.
const LEAD: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(1);

/// What the callers of one drill saw.
#[derive(Default)]
struct Seen {
    requests: u64,
    refused: BTreeMap<String, u64>,
    /// When a token of another key than at first came.
    new_key_after: Option<Duration>,
}

pub(super) async fn under_load(context: &Context, stage: &Stage, findings: &mut Findings) -> Result<()> {
    let begun = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    let mut people = Vec::new();
    for number in 0..CALLERS {
        let person = join(stage.client(), &format!("caller-{number}@example.com")).await?;
        callers.spawn(work(stage.clients.clone(), person.clone(), over.clone(), begun));
        people.push(person);
    }
    sleep(Duration::from_secs(1)).await;
    let rotated: Value = serde_json::from_str(&stage.operator(&["keys", "rotate", "--json"])?)?;
    let kid = rotated["kid"].as_str().context("`keys rotate` names no kid")?.to_owned();
    let (ordered, at) = (Instant::now(), begun.elapsed());
    let published = published_everywhere(stage, &kid).await?;
    // The short form does not wait for the key to sign.
    let load = if context.short { Duration::from_secs(3) } else { LEAD + Duration::from_secs(15) };
    sleep(load.saturating_sub(ordered.elapsed())).await;
    over.store(true, Ordering::Relaxed);
    let mut seen = Seen::default();
    for caller in callers.join_all().await {
        seen.add(caller?);
    }
    findings.figure("requests", seen.requests);
    findings.figure("refused", seen.refused.values().sum::<u64>());
    findings.promise(seen.refused.is_empty(), format!("refused under load: {:?}", seen.refused));
    findings.figure("published_everywhere_ms", milliseconds(published));
    if let Some(signed) = seen.new_key_after {
        let after = signed.saturating_sub(at);
        findings.figure("signs_after_s", rounded(after.as_secs_f64()));
        findings.promise(after > published, "the new key signed before every server had published it");
    }
    findings.promise(context.short || seen.new_key_after.is_some(), "the new key never signed");
    revoke(stage, &people[0], findings).await
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        for (what, times) in other.refused {
            *self.refused.entry(what).or_default() += times;
        }
        self.new_key_after = [self.new_key_after, other.new_key_after].into_iter().flatten().min();
    }
}

/// One caller who asks all servers in turn, and refreshes now and then.
async fn work(clients: Vec<Client>, person: Person, over: Arc<AtomicBool>, begun: Instant) -> Result<Seen> {
    let (mut seen, mut tokens) = (Seen::default(), person.tokens);
    let first = header(&tokens.access);
    for (number, client) in clients.iter().cycle().enumerate() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let refreshes = number % 10 == 9;
        let call = if refreshes { refresh(&tokens.refresh) } else { me(&tokens.access) };
        let answer = client.send(call).await?;
        seen.requests += 1;
        if answer.status != 200 {
            *seen.refused.entry(answer.shown()).or_default() += 1;
        } else if refreshes {
            tokens = Tokens::of(&answer)?;
            if seen.new_key_after.is_none() && header(&tokens.access) != first {
                seen.new_key_after = Some(begun.elapsed());
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(seen)
}

/// The first part of a token, which names its key.
fn header(token: &str) -> String {
    token.split('.').next().unwrap_or_default().to_owned()
}

async fn published_everywhere(stage: &Stage, kid: &str) -> Result<Duration> {
    let begun = Instant::now();
    for client in &stage.clients {
        loop {
            let keys = client.send(Call::get("/.well-known/jwks.json")).await?.expect(200)?;
            let kids: BTreeSet<&str> = keys.body["keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|key| key["kid"].as_str())
                .collect();
            if kids.contains(kid) {
                break;
            }
            ensure!(begun.elapsed() < LEAD, "{kid} is not published everywhere after {LEAD:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(begun.elapsed())
}

/// The key in use has leaked.
async fn revoke(stage: &Stage, person: &Person, findings: &mut Findings) -> Result<()> {
    let victim = sign_in(stage.client(), &person.email, &person.password).await?;
    for client in &stage.clients {
        client.send(me(&victim.tokens.access)).await?.expect(200)?;
    }
    let keys: Value = serde_json::from_str(&stage.operator(&["keys", "list", "--json"])?)?;
    let active = keys
        .as_array()
        .into_iter()
        .flatten()
        .find(|key| key["purpose"] == "signing" && key["state"] == "active");
    let kid = active.and_then(|key| key["kid"].as_str()).context("no signing key is active")?;
    stage.operator(&["keys", "revoke", kid])?;
    let begun = Instant::now();
    let ended = time_until_refused(&stage.clients, &victim.tokens.access).await?;
    findings.figure("revoked_everywhere_ms", ended.map(milliseconds));
    let in_time = ended.is_some_and(|time| time < LIMIT);
    findings.promise(in_time, "a revoked key was believed for more than a second");

    // The session goes on: a refresh brings a token of the next key, which all servers know.
    let renewed = Tokens::of(&stage.client().send(refresh(&victim.tokens.refresh)).await?.expect(200)?)?;
    for client in &stage.clients {
        while client.send(me(&renewed.access)).await?.status != 200 {
            ensure!(begun.elapsed() < Duration::from_secs(10), "the next key is not known everywhere");
            sleep(Duration::from_millis(5)).await;
        }
    }
    findings.figure("works_again_ms", milliseconds(begun.elapsed()));
    Ok(())
}
