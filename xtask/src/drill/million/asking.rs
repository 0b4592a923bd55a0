//! What the server's processor does for one request of each kind.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::drill::client::{Call, Client};
use crate::drill::people::{PASSWORD, login, sign_in};
use crate::drill::stage::Stage;
use crate::drill::{Context, Findings};

const OVERSEER: &str = "overseer@example.com";
/// A tenth of those with Cyrillic names begin a word with this.
const FAMILY: &str = "%D0%A2%D0%BE%D0%BB%D1%81%D1%82"; // Толст

/// Milliseconds of processor time for each question, in one order.
pub type Costs = Vec<(&'static str, f64)>;

/// Asks each question many times.
pub async fn ask(
    context: &Context,
    stage: &Stage,
    people: u64,
    name: &str,
    findings: &mut Findings,
) -> Result<Costs> {
    stage.create(OVERSEER, PASSWORD, "admin")?;
    let times = if context.short { 50 } else { 3000 };
    let client = stage.client();
    let (end, seen) = walk(client, &token(client).await?).await?;
    findings.promise(
        seen == people + 1,
        format!("the pages of the list show {seen} accounts and not {}", people + 1),
    );
    let active = active(client, &token(client).await?).await?;
    let one = format!("users/{}", active[0].0);
    let by = async || token(client).await;
    let mut costs = Costs::new();
    for (question, path) in [
        ("first_page", "users".to_owned()),
        ("far_page", format!("users?sort=email&cursor={end}")),
        ("search", format!("users?q={FAMILY}")),
        ("status", "users?status=suspended".to_owned()),
        ("role_of_all", "users?role=user".to_owned()),
        ("role_of_few", "users?role=admin".to_owned()),
        ("read_one", one.clone()),
    ] {
        let call = Call::get(&path).by(&by().await?);
        costs.push((question, cost(stage, times, |_| call.clone()).await?));
    }
    let token = by().await?;
    let change = |turn: usize| {
        let name = json!({ "display_name": format!("Лев Толстой {turn}") });
        Call::patch(&one).by(&token).with(name)
    };
    costs.push(("patch_one", cost(stage, times / 3, change).await?));
    let sign_in = |turn: usize| login(&active[turn % active.len()].1, PASSWORD);
    costs.push(("login", cost(stage, times / 3, sign_in).await?));
    for (question, cost) in &costs {
        findings.figure(&format!("{name}_{question}_cpu_ms"), (cost * 1000.0).round() / 1000.0);
    }
    Ok(costs)
}

async fn token(client: &Client) -> Result<String> {
    Ok(sign_in(client, OVERSEER, PASSWORD).await?.tokens.access)
}

/// The mean processor time of a request, after a few that fill what is remembered.
async fn cost(stage: &Stage, times: usize, call: impl Fn(usize) -> Call) -> Result<f64> {
    for turn in 0..times / 10 {
        stage.client().send(call(turn)).await?.expect(200)?;
    }
    let before = stage.servers[0].processor_time()?;
    for turn in 0..times {
        stage.client().send(call(turn)).await?.expect(200)?;
    }
    let spent = stage.servers[0].processor_time()? - before;
    Ok(spent.as_secs_f64() * 1000.0 / times as f64)
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
