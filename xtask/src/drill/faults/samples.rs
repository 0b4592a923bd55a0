//! What was asked, how long the answer took, and what it was.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::drill::client::{Answer, Call, Client};

pub struct Sample {
    pub begun: Instant,
    pub took: Duration,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Including what is refused for a reason of the caller's.
    Answered,
    /// A problem that says that it may work later: 503 or 504, with its code.
    Failed(u16, String),
    /// What nobody may see: no answer, no problem, another status.
    Wrong(String),
}

/// What all of one kind saw; clones share it.
#[derive(Clone, Default)]
pub struct Samples(Arc<Mutex<Vec<Sample>>>);

impl Samples {
    /// Sends a call and notes what came of it; the answer, if it is one that the caller can go by: with a
    /// status below 300, or one of these.
    pub async fn send(&self, client: &Client, call: Call, expected: &[u16]) -> Option<Answer> {
        let begun = Instant::now();
        let answer = client.send(call).await;
        let outcome = outcome(&answer, expected);
        self.note(Sample { begun, took: begun.elapsed(), outcome: outcome.clone() });
        answer.ok().filter(|_| outcome == Outcome::Answered)
    }

    pub fn note(&self, sample: Sample) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }

    /// The newest that failed, for a reader.
    pub fn last_failure(&self) -> String {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = samples.iter().rev().find(|sample| sample.outcome != Outcome::Answered);
        failed
            .map_or_else(|| "none".to_owned(), |sample| format!("{:?} in {:?}", sample.outcome, sample.took))
    }

    /// All so far, which are forgotten.
    pub fn take(&self) -> Vec<Sample> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn outcome(answer: &Result<Answer>, expected: &[u16]) -> Outcome {
    match answer {
        Ok(answer) if answer.status < 300 || expected.contains(&answer.status) => Outcome::Answered,
        Ok(answer) => {
            let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok());
            let is_problem = kind.is_some_and(|kind| kind.starts_with("application/problem+json"));
            // The id of the request that still has the key is not ours, but its effect is.
            let may_pass = matches!(answer.status, 503 | 504) || answer.code() == "idempotency_in_progress";
            if is_problem && may_pass && !answer.code().is_empty() {
                Outcome::Failed(answer.status, answer.code().to_owned())
            } else {
                Outcome::Wrong(format!("{} ({})", answer.shown(), kind.unwrap_or("no content type")))
            }
        }
        Err(error) => Outcome::Wrong(format!("{error:#}")),
    }
}
