//! A client under load, that keeps what was acknowledged and does not let go of what was not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::time::sleep;

use super::samples::Samples;
use crate::drill::client::{Call, Client};
use crate::drill::people::{PASSWORD, Person, Tokens, join, login, me, refresh};

/// How long anything may stay open after all is well again.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// One that reads and writes in its own name: nobody else touches what is its own.
pub struct Worker {
    client: Client,
    pub samples: Samples,
    random: StdRng,
    /// Of the session that lasts for as long as the drill.
    pub person: Person,
    /// Somebody who signs in again and again.
    visitor: Person,
    pub notes: Vec<Note>,
    pending: Option<Pending>,
    pub counts: Counts,
}

/// A note, as it was acknowledged.
#[derive(Clone)]
pub struct Note {
    pub id: String,
    /// The key of its request, and its title.
    pub key: String,
    pub version: u64,
    pub body: String,
}

#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub notes: u64,
    pub updates: u64,
    /// Acknowledged after one attempt or more had failed.
    pub after_failures: u64,
    /// Failed, and found done when they were asked for again.
    pub done_unheard: u64,
    pub signed_out: u64,
    /// Updates that were lost, or were not the only one.
    pub torn: u64,
}

/// What was asked for and not acknowledged yet.
#[derive(Clone, Debug)]
enum Pending {
    Create { key: String },
    Update { index: usize, body: String },
    Refresh,
}

#[derive(Clone, Copy)]
enum Act {
    Me,
    List,
    Create,
    Update,
    SignIn,
    Refresh,
}

const ROUND: [Act; 6] = [Act::Me, Act::List, Act::Create, Act::Update, Act::SignIn, Act::Refresh];
/// Of which notes one is changed: those made last.
const NEWEST: usize = 8;

impl Worker {
    pub async fn new(client: Client, name: &str, seed: u64, samples: &Samples) -> Result<Self> {
        Ok(Self {
            person: join(&client, &format!("{name}@example.com")).await?,
            visitor: join(&client, &format!("{name}-visitor@example.com")).await?,
            client,
            samples: samples.clone(),
            random: StdRng::seed_from_u64(seed),
            notes: Vec::new(),
            pending: None,
            counts: Counts::default(),
        })
    }

    /// Asks until it is told to stop, and then until nothing is open any more.
    pub async fn work(mut self, is_over: Arc<AtomicBool>) -> Result<Self> {
        while !is_over.load(Ordering::Relaxed) {
            let act = match self.random.random_range(0..100) {
                0..40 => Act::Me,
                40..55 => Act::List,
                55..75 => Act::Create,
                75..93 => Act::Update,
                93..96 => Act::SignIn,
                _ => Act::Refresh,
            };
            if !self.act(act).await {
                self.settle(&is_over).await?;
            }
            let pause = self.random.random_range(5..35);
            sleep(Duration::from_millis(pause)).await;
        }
        Ok(self)
    }

    /// One of each; whether all of it succeeded at the first attempt.
    pub async fn round(&mut self) -> bool {
        if self.pending.is_some() && !self.attempt().await {
            return false;
        }
        for act in ROUND {
            if !self.act(act).await {
                return false;
            }
        }
        true
    }

    async fn act(&mut self, act: Act) -> bool {
        match act {
            Act::Me => self.ask(me(&self.person.tokens.access)).await,
            Act::List => self.ask(Call::get("notes").by(&self.person.tokens.access)).await,
            Act::SignIn => return self.visit().await,
            Act::Create => {
                let key = format!("{:032x}", self.random.random::<u128>());
                self.pending = Some(Pending::Create { key });
                self.attempt().await
            }
            Act::Update if self.notes.is_empty() => true,
            Act::Update => {
                let newest = self.notes.len().min(NEWEST);
                let index = self.notes.len() - 1 - self.random.random_range(0..newest);
                let body = format!("{:016x}", self.random.random::<u64>());
                self.pending = Some(Pending::Update { index, body });
                self.attempt().await
            }
            Act::Refresh => {
                self.pending = Some(Pending::Refresh);
                self.attempt().await
            }
        }
    }

    /// Asks again and again for what was not acknowledged.
    async fn settle(&mut self, is_over: &AtomicBool) -> Result<()> {
        let mut over_since = None;
        while self.pending.is_some() {
            if is_over.load(Ordering::Relaxed) {
                let since = *over_since.get_or_insert_with(Instant::now);
                ensure!(since.elapsed() < GIVEN_UP, "after {GIVEN_UP:?}: {}", self.open());
            }
            let pause = self.random.random_range(50..250);
            sleep(Duration::from_millis(pause)).await;
            if self.attempt().await {
                self.counts.after_failures += 1;
            }
        }
        Ok(())
    }

    /// What is open, and what was said to whoever failed last.
    pub fn open(&self) -> String {
        format!(
            "{:?} of {}, the last failure: {}",
            self.pending,
            self.person.email,
            self.samples.last_failure()
        )
    }

    /// Asks once for what is not acknowledged yet; whether it is now.
    async fn attempt(&mut self) -> bool {
        let done = match self.pending.clone() {
            None => true,
            Some(Pending::Create { key }) => self.create(key).await,
            Some(Pending::Update { index, body }) => self.update(index, body).await,
            Some(Pending::Refresh) => self.refresh().await,
        };
        if done {
            self.pending = None;
        }
        done
    }

    async fn create(&mut self, key: String) -> bool {
        let call = Call::post("notes").by(&self.person.tokens.access).header("Idempotency-Key", &key);
        let call = call.with(json!({ "title": key, "body": "" }));
        let Some(answer) = self.samples.send(&self.client, call, &[]).await else { return false };
        let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
        self.counts.notes += 1;
        self.notes.push(Note { id, key, version: 1, body: String::new() });
        true
    }

    async fn update(&mut self, index: usize, body: String) -> bool {
        let (id, version) = (self.notes[index].id.clone(), self.notes[index].version);
        let path = format!("notes/{id}");
        let access = self.person.tokens.access.clone();
        let patch = Call::patch(&path).by(&access).header("If-Match", &format!("\"{version}\""));
        let patch = patch.with(json!({ "body": body }));
        let Some(mut answer) = self.samples.send(&self.client, patch, &[412]).await else { return false };
        if answer.status == 412 {
            // Nobody else changes it: this must be what an attempt did that failed.
            let Some(now) = self.samples.send(&self.client, Call::get(&path).by(&access), &[]).await else {
                return false;
            };
            answer = now;
            self.counts.done_unheard += 1;
        }
        let tag = answer.headers.get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default();
        if tag != format!("\"{}\"", version + 1) || answer.body["body"] != body {
            self.counts.torn += 1;
        }
        let note = &mut self.notes[index];
        (note.version, note.body) = (version + 1, body);
        self.counts.updates += 1;
        true
    }

    /// Trades the refresh token, the same one until that succeeds.
    pub async fn refresh(&mut self) -> bool {
        let call = refresh(&self.person.tokens.refresh);
        let Some(answer) = self.samples.send(&self.client, call, &[401]).await else { return false };
        match Tokens::of(&answer) {
            Ok(tokens) => self.person.tokens = tokens,
            Err(_) => return self.signed_out().await,
        }
        true
    }

    async fn signed_out(&mut self) -> bool {
        self.counts.signed_out += 1;
        let call = login(&self.person.email, PASSWORD);
        let Some(answer) = self.samples.send(&self.client, call, &[]).await else { return false };
        Tokens::of(&answer).map(|tokens| self.person.tokens = tokens).is_ok()
    }

    /// Signs the visitor in, and looks whether it is.
    async fn visit(&mut self) -> bool {
        let call = login(&self.visitor.email, PASSWORD);
        let Some(answer) = self.samples.send(&self.client, call, &[]).await else { return false };
        let Ok(tokens) = Tokens::of(&answer) else { return false };
        self.visitor.tokens = tokens;
        self.ask(me(&self.visitor.tokens.access)).await
    }

    async fn ask(&mut self, call: Call) -> bool {
        let Some(answer) = self.samples.send(&self.client, call, &[401]).await else { return false };
        // Somebody whose token is good is signed in.
        self.counts.signed_out += u64::from(answer.status == 401);
        answer.status == 200
    }
}
