//! Refresh tokens: one successor however many ask, and none once the session is over.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Broken;
use crate::drill::client::{Answer, Call, at_once};
use crate::drill::people::{Tokens, join, me, refresh, time_until_refused};
use crate::drill::stage::Stage;

const MANY: usize = 64;

/// Many tabs refresh at once: all get the one successor, and nobody is signed out.
pub(super) async fn of_one_token(stage: &Stage, round: usize) -> Result<Broken> {
    let person = join(stage.client(), &format!("refresh-{round}@example.com")).await?;
    let calls = vec![refresh(&person.tokens.refresh); MANY];
    let answers = at_once(&stage.clients, calls).await?;
    let mut broken = not(&answers, &[200]);
    let successors = pairs(&answers)?;
    let distinct: BTreeSet<&str> = successors.iter().map(|tokens| tokens.refresh.as_str()).collect();
    if distinct.len() != 1 || distinct.contains(person.tokens.refresh.as_str()) {
        broken.push(format!("{} successors", distinct.len()));
    }
    for (tokens, client) in successors.iter().zip(stage.clients.iter().rev().cycle()).take(3) {
        broken.extend(not(&[client.send(me(&tokens.access)).await?], &[200]));
    }
    if let Some(tokens) = successors.last() {
        broken.extend(not(&[stage.client().send(refresh(&tokens.refresh)).await?], &[200]));
    }
    Ok(broken)
}

/// Signing out wins: whatever a refresh got at the same moment is worth nothing afterwards.
pub(super) async fn against_logout(stage: &Stage, round: usize) -> Result<Broken> {
    let person = join(stage.client(), &format!("logout-{round}@example.com")).await?;
    let mut calls = vec![refresh(&person.tokens.refresh); 8];
    calls.insert(round % 9, Call::post("auth/logout").by(&person.tokens.access));
    let mut answers = at_once(&stage.clients, calls).await?;
    let mut broken = not(&[answers.remove(round % 9)], &[204]);
    broken.extend(not(&answers, &[200, 401]));
    let reused = answers.iter().filter(|answer| answer.code() == "refresh_token_reused").count();
    if reused > 0 {
        broken.push(format!("{reused} taken for a theft"));
    }
    let mut all = pairs(&answers)?;
    all.push(person.tokens);
    for (tokens, client) in all.iter().zip(stage.clients.iter().cycle()) {
        broken.extend(not(&[client.send(refresh(&tokens.refresh)).await?], &[401]));
        broken.extend(outlived(stage, tokens).await?);
    }
    Ok(broken)
}

/// The answers that are none of these, by kind.
pub(super) fn not(answers: &[Answer], allowed: &[u16]) -> Broken {
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| !allowed.contains(&answer.status)) {
        *others.entry(answer.shown()).or_default() += 1;
    }
    others.into_iter().map(|(what, times)| format!("{times} × {what}")).collect()
}

/// The tokens of all answers that carry some.
pub(super) fn pairs(answers: &[Answer]) -> Result<Vec<Tokens>> {
    answers.iter().filter(|answer| answer.status == 200).map(Tokens::of).collect()
}

/// That an access token is still believed somewhere a second after its session ended.
pub(super) async fn outlived(stage: &Stage, tokens: &Tokens) -> Result<Broken> {
    Ok(match time_until_refused(&stage.clients, &tokens.access).await? {
        Some(time) if time.as_secs_f64() < 1.0 => Vec::new(),
        _ => vec!["an access token outlived its session by more than a second".to_owned()],
    })
}
