//! Tokens of mails: each is good once, and what a reset ended stays ended.

use anyhow::Result;
use serde_json::json;

use super::Broken;
use super::refresh::{not, outlived, pairs};
use crate::drill::client::{Answer, Call, at_once};
use crate::drill::people::{join, login, mailed_token, refresh};
use crate::drill::stage::Stage;

const MANY: usize = 32;
/// Fewer than an account allows to be wrong.
const LOGINS: usize = 6;

fn forgot(email: &str) -> Call {
    Call::post("auth/password/forgot").with(json!({ "email": email }))
}

fn reset_with(token: &str, password: &str) -> Call {
    Call::post("auth/password/reset").with(json!({ "token": token, "new_password": password }))
}

/// A sign-in with the old password never survives the reset that it raced.
pub(super) async fn login_against_reset(stage: &Stage, round: usize) -> Result<Broken> {
    let (email, new) = (format!("reset-login-{round}@example.com"), "seven purple otters dance");
    let person = join(stage.client(), &email).await?;
    stage.client().send(forgot(&email)).await?.expect(202)?;
    let token = mailed_token(stage.client(), &email, "reset-password").await?;
    let mut calls = vec![login(&email, &person.password); LOGINS];
    calls.insert(round % (LOGINS + 1), reset_with(&token, new));
    let mut answers = at_once(&stage.clients, calls).await?;
    let mut broken = not(&[answers.remove(round % (LOGINS + 1))], &[200]);
    broken.extend(not(&answers, &[200, 401]));
    let mut before = pairs(&answers)?;
    before.push(person.tokens);
    for (tokens, client) in before.iter().zip(stage.clients.iter().cycle()) {
        broken.extend(not(&[client.send(refresh(&tokens.refresh)).await?], &[401]));
        broken.extend(outlived(stage, tokens).await?);
    }
    broken.extend(not(&[stage.client().send(login(&email, &person.password)).await?], &[401]));
    broken.extend(not(&[stage.client().send(login(&email, new)).await?], &[200]));
    Ok(broken)
}

/// Of many who use one link at once, one sets the password.
pub(super) async fn reset(stage: &Stage, round: usize) -> Result<Broken> {
    let email = format!("reset-{round}@example.com");
    join(stage.client(), &email).await?;
    stage.client().send(forgot(&email)).await?.expect(202)?;
    let token = mailed_token(stage.client(), &email, "reset-password").await?;
    let password = |index: usize| format!("seven purple otters dance {index}");
    let calls = (0..MANY).map(|index| reset_with(&token, &password(index))).collect();
    let answers = at_once(&stage.clients, calls).await?;
    let mut broken = exactly_one(&answers, 200, "invalid_or_expired_token");
    if let Some(winner) = answers.iter().position(|answer| answer.status == 200) {
        let other = (winner + 1) % MANY;
        broken.extend(not(&[stage.client().send(login(&email, &password(other))).await?], &[401]));
        broken.extend(not(&[stage.client().send(login(&email, &password(winner))).await?], &[200]));
    }
    Ok(broken)
}

/// Of many who use one link at once, one verifies the address.
pub(super) async fn verify(stage: &Stage, round: usize) -> Result<Broken> {
    let email = format!("verify-{round}@example.com");
    let person = join(stage.client(), &email).await?;
    let token = mailed_token(stage.client(), &email, "verify-email").await?;
    let call = Call::post("auth/email/verify").by(&person.tokens.access).with(json!({ "token": token }));
    let answers = at_once(&stage.clients, vec![call; MANY]).await?;
    Ok(exactly_one(&answers, 204, "invalid_or_expired_token"))
}

/// One answer of this status, and all others refused with this code.
pub(super) fn exactly_one(answers: &[Answer], status: u16, code: &str) -> Broken {
    let done = answers.iter().filter(|answer| answer.status == status).count();
    let mut broken = if done == 1 { Vec::new() } else { vec![format!("{done} × {status}")] };
    let others = answers.iter().filter(|answer| answer.status != status && answer.code() != code);
    broken.extend(others.map(Answer::shown));
    broken
}
