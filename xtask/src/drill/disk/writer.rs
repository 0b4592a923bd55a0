//! Clients who go on when what they asked for is refused: they note which act may have happened, and begin
//! another life.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use crate::drill::client::{Answer, Client};
use crate::drill::kill::journal::{Act, Life};
use crate::drill::kill::writer::{ACTS, choose, password};

/// Between two acts, so that a round is not too long to be asked for.
const PAUSE: Duration = Duration::from_millis(5);

/// What one client did, and what it was told.
#[derive(Default)]
pub struct Written {
    pub lives: Vec<Life>,
    pub acknowledged: u64,
    pub refused: u64,
    /// Answers that nobody may get, whatever the disk does.
    pub wrong: BTreeMap<String, u64>,
}

impl Written {
    pub fn add(&mut self, other: Self) {
        self.lives.extend(other.lives);
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        for (what, times) in other.wrong {
            *self.wrong.entry(what).or_default() += times;
        }
    }

    /// Whether the answer is a refusal, as it may be; anything else is noted, but for no answer at the end.
    pub fn judge(&mut self, answer: &Result<Answer>, is_over: &AtomicBool) {
        match answer {
            Ok(answer) if is_refusal(answer) => self.refused += 1,
            Ok(answer) => *self.wrong.entry(answer.shown()).or_default() += 1,
            Err(_) if is_over.load(Ordering::Relaxed) => {}
            Err(error) => *self.wrong.entry(format!("no answer: {error:#}")).or_default() += 1,
        }
    }
}

/// A problem that says when to come back.
fn is_refusal(answer: &Answer) -> bool {
    let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
    answer.status == 503
        && answer.code() == "database_unavailable"
        && header("content-type") == Some("application/problem+json")
        && header("retry-after").is_some()
}

/// Acts on accounts of its own, one request at a time, until it is over.
pub async fn write(
    client: Client,
    admin: String,
    name: String,
    mut random: StdRng,
    is_over: Arc<AtomicBool>,
) -> Result<Written> {
    let mut written = Written::default();
    while !is_over.load(Ordering::Relaxed) {
        let email = format!("{name}-{}@example.com", written.lives.len());
        let mut life = Life::new(email, password(&mut random));
        let mut next = Act::Register;
        for _ in 0..random.random_range(8..ACTS) {
            let answer = client.send(life.call(&next, &admin)).await;
            match answer {
                Ok(answer) if answer.status == next.status() => {
                    life.acknowledge(next, &answer)?;
                    written.acknowledged += 1;
                }
                answer => {
                    written.judge(&answer, &is_over);
                    sleep(PAUSE * 10).await;
                    // Whoever was refused an account asks for it again: it must not be there yet.
                    if next != Act::Register || answer.is_err() {
                        life.open = Some(next);
                        break;
                    }
                    continue;
                }
            }
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            next = choose(&life, &mut random);
            sleep(PAUSE).await;
        }
        written.lives.push(life);
    }
    Ok(written)
}
