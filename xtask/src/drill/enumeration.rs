//! What a stranger with a clock learns of who has an account. Times are reported; that answers are alike
//! is promised.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use super::client::{Answer, Call, Client};
use super::figures::{kolmogorov_smirnov, milliseconds_exactly, quantile, rounded};
use super::people::{PASSWORD, login, registration, sign_in};
use super::stage::{CHEAP, Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};

pub const DRILL: Drill = Drill {
    name: "enumeration",
    about: "whether time or answers tell who has an account",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres) },
    ],
};

/// So often one address is asked for: more would meet its limits of guesses and mails.
const PER_ADDRESS: usize = 3;

/// What is asked, and about whom. The first of each group is what the others are held against.
const QUESTIONS: &[(&str, &str)] = &[
    ("login", "unknown"),
    ("login", "active"),
    ("login", "suspended"),
    ("login", "unverified"),
    ("forgot", "unknown"),
    ("forgot", "active"),
    ("register", "unknown"),
    ("register", "active"),
];

fn run(context: &Context, database: Database) -> Result<Findings> {
    let mut findings = Findings::default();
    let strict = ("APP_AUTH__EMAIL_VERIFICATION", "required");
    let unlimited = ("APP_RATE_LIMIT__ENABLED", "false");
    // As configured is what a stranger meets; with cheap hashes shows what an expensive one drowns.
    for (name, settings) in [
        ("configured", [&[unlimited, strict], [].as_slice()].concat()),
        ("cheap", [CHEAP, &[strict]].concat()),
    ] {
        let Some(stage) = Stage::open(context, database, 1, &settings)? else {
            return Ok(Findings::skipped("no PostgreSQL"));
        };
        block_on(study(context, &stage, name, &mut findings))?;
        stage.close(&mut findings)?;
    }
    Ok(findings)
}

async fn study(context: &Context, stage: &Stage, name: &str, findings: &mut Findings) -> Result<()> {
    let rounds: usize = if context.short { 30 } else { 1000 };
    prepare(stage, rounds.div_ceil(PER_ADDRESS)).await?;
    let client = stage.client();
    let mut times: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    let mut looks: BTreeMap<&str, Look> = BTreeMap::new();
    let mut random = StdRng::seed_from_u64(context.seed);
    let mut order = QUESTIONS.to_vec();
    for round in 0..rounds {
        order.shuffle(&mut random);
        for &(asked, about) in &order {
            let call = question(asked, about, round);
            let begun = Instant::now();
            let answer = client.send(call).await?;
            times.entry((asked, about)).or_default().push(milliseconds_exactly(begun.elapsed()));
            let look = Look::of(&answer);
            let first = looks.entry(asked).or_insert_with(|| look.clone());
            if *first != look {
                findings.promise(false, format!("{asked}, {about}: {look:?}, and not {first:?}"));
            }
        }
    }
    findings.figure("rounds", rounds);
    report(name, times, findings);
    Ok(())
}

fn report(name: &str, mut times: BTreeMap<(&str, &str), Vec<f64>>, findings: &mut Findings) {
    for values in times.values_mut() {
        values.sort_by(f64::total_cmp);
    }
    for &(asked, about) in QUESTIONS {
        let (own, base) = (&times[&(asked, about)], &times[&(asked, "unknown")]);
        let (median, expected) = (quantile(own, 0.5), quantile(base, 0.5));
        let label = format!("{name}_{asked}_{about}");
        findings.figure(&format!("{label}_ms_p50"), (median * 1000.0).round() / 1000.0);
        if about != "unknown" {
            findings
                .figure(&format!("{label}_difference_percent"), rounded((median / expected - 1.0) * 100.0));
            let p = kolmogorov_smirnov(own, base);
            findings.figure(&format!("{label}_ks_p"), (p * 10_000.0).round() / 10_000.0);
        }
    }
}

/// Accounts of each kind, so many for each question.
async fn prepare(stage: &Stage, accounts: usize) -> Result<()> {
    const OVERSEER: &str = "overseer@example.com";
    stage.create(OVERSEER, PASSWORD, "admin")?;
    let client = stage.client();
    let mut admin = sign_in(client, OVERSEER, PASSWORD).await?.tokens.access;
    for number in 0..accounts {
        if number % 100 == 99 {
            admin = sign_in(client, OVERSEER, PASSWORD).await?.tokens.access;
        }
        for &(asked, about) in QUESTIONS {
            let email = address(asked, about, number);
            match about {
                "active" => drop(make(client, &admin, &email).await?),
                "suspended" => {
                    let id = make(client, &admin, &email).await?;
                    let suspend = Call::post(&format!("users/{id}/suspend")).by(&admin);
                    client.send(suspend).await?.expect(200)?;
                }
                "unverified" => drop(client.send(registration(&email, PASSWORD)).await?.expect(202)?),
                _ => {}
            }
        }
    }
    Ok(())
}

/// An account that is active at once; its id.
async fn make(client: &Client, admin: &str, email: &str) -> Result<String> {
    let new = json!({ "email": email, "password": PASSWORD });
    client.send(Call::post("users").by(admin).with(new)).await?.expect(201)?.text("id")
}

/// All of the same length, so that no request is longer than another.
fn address(asked: &str, about: &str, number: usize) -> String {
    format!("{:_<10}{:_<10}{number:04}@example.com", asked, about)
}

fn question(asked: &str, about: &str, round: usize) -> Call {
    let email = address(asked, about, round / PER_ADDRESS);
    match (asked, about) {
        ("login", _) => login(&email, "not the password"),
        ("forgot", _) => Call::post("auth/password/forgot").with(json!({ "email": email })),
        // Whoever registers is known from then on.
        (_, "unknown") => registration(&address("stranger", about, round), PASSWORD),
        _ => registration(&email, PASSWORD),
    }
}

/// All of an answer that does not differ from one request to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Look {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

impl Look {
    fn of(answer: &Answer) -> Self {
        let headers =
            answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let mut body = answer.body.clone();
        if let Some(id) = body.get_mut("request_id") {
            *id = Value::Null;
        }
        Self { status: answer.status, headers, body }
    }
}
