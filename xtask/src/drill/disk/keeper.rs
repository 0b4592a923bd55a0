//! A client who writes notes, each under a key of its own, and asks with that key until it is told that the
//! note is there: then it is there once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::sleep;

use super::writer::Written;
use crate::drill::client::{Answer, Call, Client};
use crate::drill::people::{Person, join};

const PAUSE: Duration = Duration::from_millis(10);

pub struct Keeper {
    client: Client,
    person: Person,
    /// Ids by key, which is the title, as they were acknowledged.
    notes: BTreeMap<String, String>,
    /// Those that were refused first.
    retried: BTreeSet<String>,
    /// Asked for, and not acknowledged by the end.
    open: Option<String>,
    pub told: Written,
}

/// What there was of the notes in the end.
#[derive(Default)]
pub struct Kept {
    pub notes: u64,
    pub retried: u64,
    pub lost: Vec<String>,
    pub twice: Vec<String>,
}

impl Keeper {
    pub async fn join(client: &Client, email: &str) -> Result<Self> {
        let person = join(client, email).await?;
        let (notes, retried) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { client: client.clone(), person, notes, retried, open: None, told: Written::default() })
    }

    pub async fn keep(mut self, is_over: Arc<AtomicBool>) -> Result<Self> {
        while !is_over.load(Ordering::Relaxed) {
            let key = self.open.take().unwrap_or_else(|| format!("{} {}", self.person.id, self.notes.len()));
            let answer = self.ask(&self.client, &key).await;
            match answer {
                Ok(answer) if answer.status == 201 => {
                    self.notes.insert(key, answer.text("id")?);
                    self.told.acknowledged += 1;
                }
                answer => {
                    self.told.judge(&answer, &is_over);
                    self.retried.insert(key.clone());
                    self.open = Some(key);
                }
            }
            sleep(PAUSE).await;
        }
        Ok(self)
    }

    async fn ask(&self, client: &Client, key: &str) -> Result<Answer> {
        let call = Call::post("notes")
            .by(&self.person.tokens.access)
            .header("Idempotency-Key", &key.replace(' ', "-"));
        client.send(call.with(json!({ "title": key, "body": "" }))).await
    }

    /// Asks for what is open, and for all that was refused at first, once more; then looks at all notes.
    pub async fn check(&mut self, client: &Client, kept: &mut Kept) -> Result<()> {
        if let Some(key) = self.open.take() {
            let id = self.ask(client, &key).await?.expect(201)?.text("id")?;
            self.notes.insert(key, id);
        }
        for key in &self.retried {
            let again = self.ask(client, key).await?.expect(201)?.text("id")?;
            if self.notes.get(key) != Some(&again) {
                kept.twice.push(format!("{key}: another id at the second answer"));
            }
        }
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        let mut path = "notes?limit=100".to_owned();
        loop {
            let page = client.send(Call::get(&path).by(&self.person.tokens.access)).await?.expect(200)?;
            for note in page.body["items"].as_array().into_iter().flatten() {
                *found.entry(note["title"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            }
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            path = format!("notes?limit=100&cursor={cursor}");
        }
        ensure!(!self.notes.is_empty(), "a keeper kept nothing");
        for key in self.notes.keys() {
            match found.remove(key) {
                Some(1) => {}
                Some(times) => kept.twice.push(format!("{key}: {times} times")),
                None => kept.lost.push(key.clone()),
            }
        }
        kept.twice.extend(found.into_keys().map(|key| format!("{key}: nobody was told of it")));
        kept.notes += self.notes.len() as u64;
        kept.retried += self.retried.len() as u64;
        Ok(())
    }
}
