//! What was acknowledged, compared with what is there.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::worker::{Note, Worker};
use crate::drill::Findings;
use crate::drill::client::{Call, Client};

#[derive(Default)]
struct Differences {
    lost: u64,
    /// Notes that share a key with another one, or that nobody was told of.
    twice: u64,
    /// Another version, or another text.
    torn: u64,
}

/// Reads everything back as its owners.
pub async fn check(client: &Client, workers: &[Worker], findings: &mut Findings) -> Result<()> {
    let mut readers = JoinSet::new();
    for worker in workers {
        let (client, access) = (client.clone(), worker.person.tokens.access.clone());
        readers.spawn(compare(client, access, worker.notes.clone()));
    }
    let (mut all, mut notes) = (Differences::default(), 0);
    for found in readers.join_all().await {
        let found = found?;
        all.lost += found.lost;
        all.twice += found.twice;
        all.torn += found.torn;
    }
    notes += workers.iter().map(|worker| worker.notes.len()).sum::<usize>();
    findings.figure("notes_compared", notes);
    for (name, count) in [("lost", all.lost), ("applied_twice", all.twice), ("torn", all.torn)] {
        findings.figure(name, count);
        findings.promise(count == 0, format!("{name}: {count} notes"));
    }
    Ok(())
}

async fn compare(client: Client, access: String, notes: Vec<Note>) -> Result<Differences> {
    let mut there = read_all(&client, &access).await?;
    let mut found = Differences::default();
    for note in notes {
        let copies = there.remove(&note.key).unwrap_or_default();
        found.twice += copies.len().saturating_sub(1) as u64;
        let Some((id, body)) = copies.into_iter().next() else {
            found.lost += 1;
            continue;
        };
        let mut is_whole = id == note.id && body == note.body;
        if is_whole && note.version > 1 {
            let answer = client.send(Call::get(&format!("notes/{id}")).by(&access)).await?.expect(200)?;
            let tag = answer.headers.get("etag").and_then(|tag| tag.to_str().ok());
            is_whole = tag == Some(format!("\"{}\"", note.version).as_str());
        }
        found.torn += u64::from(!is_whole);
    }
    found.twice += there.values().map(Vec::len).sum::<usize>() as u64;
    Ok(found)
}

/// The id and the body of each note, by title.
async fn read_all(client: &Client, access: &str) -> Result<BTreeMap<String, Vec<(String, String)>>> {
    let mut there: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut path = "notes?limit=100".to_owned();
    loop {
        let page = client.send(Call::get(&path).by(access)).await?.expect(200)?;
        for item in page.body["items"].as_array().context("no items")? {
            let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
            there.entry(text("title")).or_default().push((text("id"), text("body")));
        }
        let Some(cursor) = page.body["next_cursor"].as_str() else { return Ok(there) };
        path = format!("notes?limit=100&cursor={cursor}");
    }
}
