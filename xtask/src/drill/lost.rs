//! Answers to refreshes that never arrive, and thieves who use what they found.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::{Answer, Client, at_once};
use super::figures::rounded;
use super::people::{PASSWORD, Person, Tokens, join, me, refresh, sign_in};
use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};

pub const DRILL: Drill = Drill {
    name: "lost",
    about: "a fifth of the answers to refreshes never arrive, and stolen tokens are used again",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite, 1) },
        Part { about: "three servers on PostgreSQL", run: |context| run(context, Database::Postgres, 3) },
    ],
};

const PEOPLE: u64 = 20;
/// How often an answer is lost, and how often two tabs ask at once.
const LOST: f64 = 0.2;
const TWICE: f64 = 0.1;
/// The longest that a client waits before it asks again; ten seconds are forgiven.
const RETRY: u64 = 500;
/// How often somebody else has an older token of the session.
const STOLEN: f64 = 0.02;

fn run(context: &Context, database: Database, servers: usize) -> Result<Findings> {
    let Some(stage) = Stage::cheap(context, database, servers, &[])? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let refreshes = if context.short { 400 } else { 10_000 } / PEOPLE;
    let begun = Instant::now();
    let mut all = Course::default();
    block_on(async {
        let mut people = JoinSet::new();
        for number in 0..PEOPLE {
            let random = StdRng::seed_from_u64(context.seed.wrapping_add(number));
            let somebody = Somebody::new(stage.clients.clone(), random, number).await?;
            people.spawn(somebody.go_on(refreshes));
        }
        for course in people.join_all().await {
            all.add(course?);
        }
        Ok(())
    })?;
    let mut findings = Findings::default();
    findings.figure("seconds", rounded(begun.elapsed().as_secs_f64()));
    findings.figure("refreshes", all.refreshes);
    findings.figure("answers_lost", all.lost);
    findings.figure("asked_twice_at_once", all.twice);
    findings.figure("signed_out", all.signed_out.len());
    findings.figure("thefts", all.thefts);
    findings.figure("thieves_caught", all.caught);
    for what in all.signed_out.iter().take(3) {
        findings.promise(false, format!("somebody was signed out who lost an answer: {what}"));
    }
    findings.promise(all.lost > 0 && all.thefts > 0, "no answer was lost, or no token stolen");
    findings.promise(all.caught == all.thefts, "a thief was not caught");
    stage.close(&mut findings)?;
    Ok(findings)
}

#[derive(Default)]
struct Course {
    refreshes: u64,
    lost: u64,
    twice: u64,
    signed_out: Vec<String>,
    thefts: u64,
    caught: u64,
}

impl Course {
    fn add(&mut self, other: Self) {
        self.refreshes += other.refreshes;
        self.lost += other.lost;
        self.twice += other.twice;
        self.signed_out.extend(other.signed_out);
        self.thefts += other.thefts;
        self.caught += other.caught;
    }
}

/// Somebody whose line loses answers, and the token before their last.
struct Somebody {
    clients: Vec<Client>,
    random: StdRng,
    person: Person,
    older: Option<String>,
    course: Course,
}

impl Somebody {
    async fn new(clients: Vec<Client>, random: StdRng, number: u64) -> Result<Self> {
        let first = clients.first().context("there is no server")?;
        let person = join(first, &format!("somebody{number}@example.com")).await?;
        Ok(Self { clients, random, person, older: None, course: Course::default() })
    }

    async fn go_on(mut self, refreshes: u64) -> Result<Course> {
        while self.course.refreshes < refreshes {
            match self.older.take() {
                Some(older) if self.random.random_bool(STOLEN) => self.is_robbed(&older).await?,
                _ => self.refresh().await?,
            }
        }
        Ok(self.course)
    }

    /// Asks until an answer arrives, now here, now there.
    async fn refresh(&mut self) -> Result<()> {
        let mine = self.person.tokens.refresh.clone();
        let successor = loop {
            let answer = self.ask(&mine).await?;
            self.course.refreshes += 1;
            if answer.status != 200 {
                self.course.signed_out.push(answer.shown());
                return self.sign_in().await;
            }
            if !self.random.random_bool(LOST) {
                break Tokens::of(&answer)?;
            }
            self.course.lost += 1;
            sleep(Duration::from_millis(self.random.random_range(0..RETRY))).await;
        };
        let known = self.any().send(me(&successor.access)).await?;
        if known.status != 200 {
            self.course.signed_out.push(known.shown());
        }
        self.older = Some(std::mem::replace(&mut self.person.tokens, successor).refresh);
        Ok(())
    }

    async fn ask(&mut self, token: &str) -> Result<Answer> {
        if !self.random.random_bool(TWICE) {
            return self.any().send(refresh(token)).await;
        }
        self.course.twice += 1;
        let pair = [self.any(), self.any()];
        let mut answers = at_once(&pair, vec![refresh(token); 2]).await?;
        let (second, first) = (answers.pop().context("two asked")?, answers.pop().context("two asked")?);
        let same = first.status != 200 || second.body["refresh_token"] == first.body["refresh_token"];
        ensure!(same, "two who asked at once got different tokens");
        // What is not 200 is told, whichever it was.
        Ok(if first.status == 200 { second } else { first })
    }

    /// Somebody has the token from before the last: once it is used, nobody is believed any more, neither the
    /// thief nor its owner, who is warned by that.
    async fn is_robbed(&mut self, older: &str) -> Result<()> {
        // The owner has gone on, so the stolen one is not the parent that is forgiven.
        let mine = self.person.tokens.refresh.clone();
        let next = Tokens::of(&self.any().send(refresh(&mine)).await?.expect(200)?)?;
        let thief = self.any().send(refresh(older)).await?;
        let owner = self.any().send(refresh(&next.refresh)).await?;
        self.course.thefts += 1;
        self.course.caught += u64::from(thief.status == 401 && owner.status == 401);
        self.sign_in().await
    }

    async fn sign_in(&mut self) -> Result<()> {
        let client = self.any();
        self.person = sign_in(&client, &self.person.email, PASSWORD).await?;
        self.older = None;
        Ok(())
    }

    fn any(&mut self) -> Client {
        self.clients[self.random.random_range(0..self.clients.len())].clone()
    }
}
