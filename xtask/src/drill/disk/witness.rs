//! Somebody who only reads, all the while: a disk that takes nothing more still has what it has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use crate::drill::client::{Call, Client};
use crate::drill::figures::milliseconds;
use crate::drill::people::me;

const PAUSE: Duration = Duration::from_millis(20);

#[derive(Default)]
pub struct Seen {
    pub reads: u64,
    pub took: Vec<f64>,
    /// Whatever was not 200.
    pub wrong: BTreeMap<String, u64>,
    /// How often the server said that it is not ready, which it may.
    pub not_ready: u64,
}

impl Seen {
    pub fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.took.extend(other.took);
        self.not_ready += other.not_ready;
        for (what, times) in other.wrong {
            *self.wrong.entry(what).or_default() += times;
        }
    }
}

/// Reads what takes a caller, lists, and whether the server lives.
pub async fn watch(client: Client, admin: String, is_over: Arc<AtomicBool>) -> Result<Seen> {
    let mut seen = Seen::default();
    let calls = [
        Call::get("/health/live"),
        me(&admin),
        Call::get("users?limit=5").by(&admin),
        Call::get("notes").by(&admin),
        Call::get("audit-events?limit=5").by(&admin),
    ];
    while !is_over.load(Ordering::Relaxed) {
        for call in &calls {
            let begun = Instant::now();
            let answer = client.send(call.clone()).await;
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            seen.reads += 1;
            seen.took.push(milliseconds(begun.elapsed()));
            let wrong = match answer {
                Ok(answer) if answer.status == 200 => continue,
                Ok(answer) => answer.shown(),
                Err(error) => format!("no answer: {error:#}"),
            };
            *seen.wrong.entry(wrong).or_default() += 1;
        }
        let ready = client.send(Call::get("/health/ready")).await;
        seen.not_ready += u64::from(ready.is_ok_and(|answer| answer.status != 200));
        sleep(PAUSE).await;
    }
    Ok(seen)
}
