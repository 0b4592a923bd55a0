//! People at work who ask all servers in turn, and never do anything that ends a session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::drill::Findings;
use crate::drill::client::Client;
use crate::drill::people::{Person, Tokens, join, me, refresh};

pub struct Crowd {
    over: Arc<AtomicBool>,
    people: JoinSet<Result<(Person, Seen)>>,
}

/// What they were answered.
#[derive(Default)]
pub struct Seen {
    pub requests: u64,
    pub refreshes: u64,
    /// Access tokens that were refused; a refresh helped.
    pub expired: u64,
    /// What else was not answered as it should have been.
    pub refused: BTreeMap<String, u64>,
}

/// Makes people who can work.
pub async fn hire(clients: &[Client], count: usize) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    for number in 0..count {
        people.push(join(&clients[number % clients.len()], &format!("at-work-{number}@example.com")).await?);
    }
    Ok(people)
}

impl Crowd {
    /// They refresh after `period`, and whenever an access token is refused.
    pub fn begin(clients: &[Client], people: Vec<Person>, period: Duration) -> Self {
        let (over, mut working) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for (number, person) in people.into_iter().enumerate() {
            let begin = number % clients.len();
            let clients = [&clients[begin..], &clients[..begin]].concat();
            working.spawn(work(clients, person, period, over.clone()));
        }
        Self { over, people: working }
    }

    /// Ends their day; their sessions go on.
    pub async fn end(self) -> Result<(Vec<Person>, Seen)> {
        self.over.store(true, Ordering::Relaxed);
        let (mut people, mut all) = (Vec::new(), Seen::default());
        for worked in self.people.join_all().await {
            let (person, seen) = worked?;
            people.push(person);
            all.requests += seen.requests;
            all.refreshes += seen.refreshes;
            all.expired += seen.expired;
            for (what, times) in seen.refused {
                *all.refused.entry(what).or_default() += times;
            }
        }
        Ok((people, all))
    }
}

impl Seen {
    /// Nothing may be refused but access tokens, of which the caller knows whether they may.
    pub fn note(&self, name: &str, findings: &mut Findings) {
        findings.figure(&format!("{name}_requests"), self.requests);
        findings.figure(&format!("{name}_refreshes"), self.refreshes);
        findings.figure(&format!("{name}_access_tokens_refused"), self.expired);
        let refused = &self.refused;
        findings.promise(refused.is_empty(), format!("{name}: {refused:?}"));
        findings.promise(self.refreshes > 0, format!("{name}: nobody refreshed"));
    }
}

async fn work(
    clients: Vec<Client>,
    mut person: Person,
    period: Duration,
    over: Arc<AtomicBool>,
) -> Result<(Person, Seen)> {
    let (mut seen, mut since, mut is_refused) = (Seen::default(), Instant::now(), false);
    for client in clients.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        seen.requests += 1;
        let refreshes = is_refused || since.elapsed() > period;
        let asked = Instant::now();
        let tokens = &person.tokens;
        let call = if refreshes { refresh(&tokens.refresh) } else { me(&tokens.access) };
        let answer = client.send(call).await?;
        match answer.status {
            200 if refreshes => {
                (person.tokens, since, is_refused) = (Tokens::of(&answer)?, asked, false);
                seen.refreshes += 1;
            }
            200 => {}
            401 if !refreshes => {
                is_refused = true;
                seen.expired += 1;
            }
            _ => *seen.refused.entry(answer.shown()).or_default() += 1,
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok((person, seen))
}
