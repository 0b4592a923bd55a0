//! What the server's processor does for one request of each kind.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::drill::client::{Call, Client};
use crate::drill::people::{PASSWORD, login, sign_in};
use crate::drill::stage::Stage;
use crate::drill::{Context, Findings};

const OVERSEER: &str = "overseer@example.com";
/// A tenth of those with Cyrillic names begin a word with this.
const SEARCH: &str = "users?q=%D0%A2%D0%BE%D0%BB%D1%81%D1%82"; // Толст

/// In so many turns the two servers are asked, one after the other: what else the machine does disturbs
/// both alike.
const TURNS: usize = 10;

/// A server, and whom of its people is asked for.
pub struct Crowd<'a> {
    stage: &'a Stage,
    /// Of the last page but one.
    end: String,
    /// Id and address of those who can sign in.
    active: Vec<(String, String)>,
}

/// A request of a crowd, the n-th of its kind.
type Ask = Box<dyn Fn(&Crowd<'_>, &str, usize) -> Call>;

impl<'a> Crowd<'a> {
    /// Goes through the whole list, which has to show everybody once.
    pub async fn meet(stage: &'a Stage, people: u64, findings: &mut Findings) -> Result<Self> {
        stage.create(OVERSEER, PASSWORD, "admin")?;
        let client = stage.client();
        let (end, seen) = walk(client, &token(client).await?).await?;
        let what = format!("the pages of the list show {seen} accounts and not {}", people + 1);
        findings.promise(seen == people + 1, what);
        let active = active(client, &token(client).await?).await?;
        Ok(Self { stage, end, active })
    }

    /// The processor time of so many requests.
    async fn spend(&self, ask: &Ask, token: &str, turns: std::ops::Range<usize>) -> Result<Duration> {
        let server = &self.stage.servers[0];
        let before = server.processor_time()?;
        for turn in turns {
            self.stage.client().send(ask(self, token, turn)).await?.expect(200)?;
        }
        Ok(server.processor_time()? - before)
    }
}

/// Each question, and what one request of it costs each of the crowds: milliseconds of processor time.
pub async fn ask(context: &Context, crowds: &[Crowd<'_>; 2]) -> Result<Vec<(&'static str, [f64; 2])>> {
    let times = if context.short { 50 } else { 3000 };
    let mut costs = Vec::new();
    for (question, share, ask) in questions() {
        let each = (times / share / TURNS).max(1);
        let mut spent = [Duration::ZERO; 2];
        let tokens = [token(crowds[0].stage.client()).await?, token(crowds[1].stage.client()).await?];
        // The first turn fills what is remembered.
        for turn in 0..=TURNS {
            for (index, crowd) in crowds.iter().enumerate() {
                let time = crowd.spend(&ask, &tokens[index], turn * each..(turn + 1) * each).await?;
                spent[index] += if turn == 0 { Duration::ZERO } else { time };
            }
        }
        costs.push((question, spent.map(|time| time.as_secs_f64() * 1000.0 / (each * TURNS) as f64)));
    }
    Ok(costs)
}

/// What is asked, and what share of the times: some takes longer.
fn questions() -> Vec<(&'static str, usize, Ask)> {
    let get = |path: &'static str| -> Ask { Box::new(move |_, token, _| Call::get(path).by(token)) };
    let of_one = |crowd: &Crowd<'_>| format!("users/{}", crowd.active[0].0);
    vec![
        ("first_page", 1, get("users")),
        (
            "far_page",
            1,
            Box::new(|crowd, token, _| {
                Call::get(&format!("users?sort=email&cursor={}", crowd.end)).by(token)
            }),
        ),
        ("search", 1, get(SEARCH)),
        ("status", 1, get("users?status=suspended")),
        ("role_of_all", 1, get("users?role=user")),
        ("role_of_few", 1, get("users?role=admin")),
        ("read_one", 1, Box::new(move |crowd, token, _| Call::get(&of_one(crowd)).by(token))),
        (
            "patch_one",
            3,
            Box::new(move |crowd, token, turn| {
                let name = json!({ "display_name": format!("Лев Толстой {turn}") });
                Call::patch(&of_one(crowd)).by(token).with(name)
            }),
        ),
        ("login", 3, Box::new(|crowd, _, turn| login(&crowd.active[turn % crowd.active.len()].1, PASSWORD))),
    ]
}

async fn token(client: &Client) -> Result<String> {
    Ok(sign_in(client, OVERSEER, PASSWORD).await?.tokens.access)
}

/// Goes through the whole list; the cursor of the last page but one, and how many accounts there are.
async fn walk(client: &Client, token: &str) -> Result<(String, u64)> {
    let (mut cursors, mut seen) = (vec![String::new()], 0);
    let mut last = String::new();
    loop {
        let after = cursors.last().filter(|cursor| !cursor.is_empty());
        let after = after.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = Call::get(&format!("users?sort=email&limit=100{after}")).by(token);
        let page = client.send(page).await?.expect(200)?.body;
        for item in page["items"].as_array().context("no items")? {
            let email = item["email"].as_str().unwrap_or_default();
            ensure!(*email > *last, "{email} comes after {last}");
            last = email.to_owned();
            seen += 1;
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => cursors = vec![cursors.pop().unwrap_or_default(), cursor.to_owned()],
            None => return Ok((cursors.swap_remove(0), seen)),
        }
    }
}

/// Id and address of a hundred who can sign in.
async fn active(client: &Client, token: &str) -> Result<Vec<(String, String)>> {
    let page = Call::get("users?status=active&limit=100").by(token);
    let page = client.send(page).await?.expect(200)?.body;
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let items = page["items"].as_array().context("no items")?.iter();
    let found: BTreeSet<_> = items.map(|item| (text(item, "id"), text(item, "email"))).collect();
    let found: Vec<_> = found.into_iter().filter(|(_, email)| email.starts_with("person.")).collect();
    ensure!(!found.is_empty(), "nobody can sign in");
    Ok(found)
}
