//! Accounts: one for an address, and never none that is an active admin.

use std::mem;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::Broken;
use super::refresh::not;
use super::single_use::exactly_one;
use crate::drill::client::{Answer, Call, at_once};
use crate::drill::people::{PASSWORD, Person, login, registration, sign_in};
use crate::drill::stage::Stage;

const MANY: usize = 64;

/// Of many who register one address at once, one has the account.
pub(super) async fn register(stage: &Stage, round: usize) -> Result<Broken> {
    let email = format!("register-{round}@example.com");
    let answers = at_once(&stage.clients, vec![registration(&email, PASSWORD); MANY]).await?;
    let mut broken = exactly_one(&answers, 201, "email_taken");
    broken.extend(not(&[stage.client().send(login(&email, PASSWORD)).await?], &[200]));
    Ok(broken)
}

/// The same where addresses are verified: nobody learns that there were others, and one account is there.
pub(super) async fn register_unverified(stage: &Stage, admin: &str, round: usize) -> Result<Broken> {
    let email = format!("register-{round}@example.com");
    let answers = at_once(&stage.clients, vec![registration(&email, PASSWORD); MANY]).await?;
    let mut broken = not(&answers, &[202]);
    let admin = sign_in(stage.client(), admin, PASSWORD).await?;
    let accounts = stage.client().send(Call::get("users?limit=100").by(&admin.tokens.access)).await?;
    let accounts = accounts.expect(200)?;
    let mine = accounts.body["items"].as_array().into_iter().flatten().filter(|user| user["email"] == email);
    let count = mine.count();
    if count != 1 {
        broken.push(format!("{count} accounts"));
    }
    Ok(broken)
}

/// An admin made at the terminal, signed in.
pub(super) async fn an_admin(stage: &Stage, email: &str) -> Result<Person> {
    stage.create(email, PASSWORD, "admin")?;
    sign_in(stage.client(), email, PASSWORD).await
}

/// Two admins, the only ones, who are after each other.
pub(super) struct Rivals {
    pair: [Person; 2],
    random: StdRng,
}

impl Rivals {
    pub(super) async fn new(stage: &Stage, seed: u64) -> Result<Self> {
        let pair = [an_admin(stage, "ada@example.com").await?, an_admin(stage, "grace@example.com").await?];
        Ok(Self { pair, random: StdRng::seed_from_u64(seed) })
    }

    /// Both try at once to take the other's rights away, in one of three ways, or their own.
    pub(super) async fn race(&mut self, stage: &Stage, round: usize) -> Result<Broken> {
        let mut calls = Vec::new();
        for (actor, other) in [(0, 1), (1, 0)] {
            for _ in 0..2 {
                let target = if self.random.random_bool(0.8) { other } else { actor };
                calls.push(self.attack(actor, target));
            }
        }
        let answers = at_once(&stage.clients, calls).await?;
        // Who has lost their rights, or is gone, is told so.
        let allowed = |answer: &Answer| {
            matches!(answer.status, 200 | 204 | 401 | 403 | 404) || answer.code() == "last_admin"
        };
        let mut broken: Broken =
            answers.iter().filter(|answer| !allowed(answer)).map(Answer::shown).collect();
        let left = self.survivors(stage).await?;
        ensure!(!left.is_empty(), "round {round}: no active admin is left, after: {}", shown(&answers));
        let seen = active_admins(stage, &left[0]).await?;
        if seen != left.len() as u64 {
            broken.push(format!("{seen} admins on the list, {} who can act", left.len()));
        }
        self.refill(stage, left, round).await?;
        Ok(broken)
    }

    fn attack(&mut self, actor: usize, target: usize) -> Call {
        let path = format!("users/{}", self.pair[target].id);
        let call = match self.random.random_range(0..3) {
            0 => Call::put(&format!("{path}/roles")).with(json!({ "roles": ["user"] })),
            1 => Call::post(&format!("{path}/suspend")),
            _ => Call::delete(&path),
        };
        call.by(&self.pair[actor].tokens.access)
    }

    /// Those of the two who can still sign in and see accounts.
    async fn survivors(&self, stage: &Stage) -> Result<Vec<Person>> {
        let mut left = Vec::new();
        for rival in &self.pair {
            let Ok(person) = sign_in(stage.client(), &rival.email, PASSWORD).await else { continue };
            if stage.client().send(Call::get("users").by(&person.tokens.access)).await?.status == 200 {
                left.push(person);
            }
        }
        Ok(left)
    }

    /// Two admins again for the next round.
    async fn refill(&mut self, stage: &Stage, mut left: Vec<Person>, round: usize) -> Result<()> {
        if left.len() == 1 {
            let email = format!("admin-{round}@example.com");
            let new = json!({ "email": email, "password": PASSWORD, "roles": ["admin"] });
            let made = Call::post("users").by(&left[0].tokens.access).with(new);
            stage.client().send(made).await?.expect(201)?;
            left.push(sign_in(stage.client(), &email, PASSWORD).await?);
        }
        for (rival, person) in self.pair.iter_mut().zip(left) {
            drop(mem::replace(rival, person));
        }
        Ok(())
    }
}

async fn active_admins(stage: &Stage, admin: &Person) -> Result<u64> {
    let list = Call::get("users?role=admin&status=active&include_total=true").by(&admin.tokens.access);
    let list = stage.client().send(list).await?.expect(200)?;
    Ok(list.body["total"].as_u64().unwrap_or_default())
}

fn shown(answers: &[Answer]) -> String {
    answers.iter().map(Answer::shown).collect::<Vec<_>>().join("; ")
}
