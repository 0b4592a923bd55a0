//! What the rounds of one fault come to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::fault::{Fault, Outage};
use super::probe::Look;
use super::samples::{Outcome, Sample};
use super::worker::Worker;
use crate::drill::Findings;
use crate::drill::figures::{milliseconds, quantile};

const NOT_READY_LIMIT_MS: f64 = 2000.0;
const FAILING_LIMIT_MS: f64 = 3000.0;
const RECOVERY_LIMIT_MS: f64 = 5000.0;
/// A look that came to nothing, of a server that is to live.
const LIVE_LIMIT_MS: f64 = 1000.0;

#[derive(Default)]
pub struct Tally {
    rounds: u64,
    outages: Vec<f64>,
    not_ready: Vec<f64>,
    /// Rounds in which nobody saw that it was not ready.
    never_seen: u64,
    failing: Vec<f64>,
    recovery: Vec<f64>,
    /// When the last call failed, after the database was back.
    last_failure: Vec<f64>,
    live: Vec<f64>,
    calls: u64,
    failed: BTreeMap<String, u64>,
    wrong: BTreeMap<String, u64>,
    not_live: BTreeMap<String, u64>,
}

impl Tally {
    /// `recovered` is when everything worked again.
    pub fn round(&mut self, outage: &Outage, recovered: Instant, live: &[Look], ready: &[Look]) {
        self.rounds += 1;
        self.outages.push(milliseconds(outage.back - outage.begun));
        self.recovery.push(milliseconds(recovered - outage.back));
        for look in live {
            if look.status == Some(200) {
                self.live.push(milliseconds(look.took));
            } else {
                *self.not_live.entry(format!("{:?}", look.status)).or_default() += 1;
            }
        }
        let turned = ready.iter().filter(|look| look.begun + look.took > outage.begun);
        match turned.filter(|look| look.status == Some(503)).map(|look| look.begun + look.took).min() {
            Some(at) => self.not_ready.push(milliseconds(at - outage.begun)),
            None => self.never_seen += 1,
        }
    }

    pub fn calls(&mut self, outage: &Outage, samples: Vec<Sample>) {
        self.calls += samples.len() as u64;
        let mut last_failure = outage.back;
        for sample in samples {
            let ended = sample.begun + sample.took;
            let what = match sample.outcome {
                Outcome::Answered => continue,
                Outcome::Failed(status, code) => self.failed.entry(format!("{status} {code}")),
                Outcome::Wrong(what) => self.wrong.entry(what),
            };
            *what.or_default() += 1;
            self.failing.push(milliseconds(sample.took));
            last_failure = last_failure.max(ended);
        }
        self.last_failure.push(milliseconds(last_failure - outage.back));
    }

    /// Figures, and what was not as promised; times are promised `strictly` or only told.
    pub fn conclude(self, fault: Fault, strictly: bool, workers: &[Worker], findings: &mut Findings) {
        findings.figure("rounds", self.rounds);
        findings.figure("calls", self.calls);
        findings.figure("calls_failed", self.failing.len());
        for (what, times) in self.failed {
            findings.figure(&format!("failed: {what}"), times);
        }
        spread(findings, "outage_ms", self.outages);
        let seen = self.not_ready.len() as u64 == self.rounds;
        let [_, not_ready] = spread(findings, "not_ready_after_ms", self.not_ready);
        let [failing, _] = spread(findings, "failing_call_ms", self.failing);
        let [_, recovery] = spread(findings, "recovery_ms", self.recovery);
        let [_, last_failure] = spread(findings, "last_failure_after_ms", self.last_failure);
        let [live, _] = spread(findings, "live_ms", self.live);
        findings.figure("never_seen_not_ready", self.never_seen);
        if fault.lasts() {
            findings.promise(seen, format!("{} outages were not seen by /health/ready", self.never_seen));
        }
        if strictly {
            for (what, figure, limit) in [
                ("the first 503 of /health/ready came after (most)", not_ready, NOT_READY_LIMIT_MS),
                ("calls that fail took (p99)", failing, FAILING_LIMIT_MS),
                ("recovery took (most)", recovery, RECOVERY_LIMIT_MS),
                ("the last call that failed ended (most)", last_failure, RECOVERY_LIMIT_MS),
                ("/health/live took (p99)", live, LIVE_LIMIT_MS),
            ] {
                findings.promise(figure <= limit, format!("{what} {figure} ms, over {limit} ms"));
            }
        }
        findings.figure("live_not_200", self.not_live.values().sum::<u64>());
        for (what, times) in self.not_live {
            findings.promise(false, format!("/health/live: {what}, {times} times"));
        }
        findings.figure("wrong_answers", self.wrong.values().sum::<u64>());
        for (what, times) in self.wrong {
            findings.promise(false, format!("{what}, {times} times"));
        }
        acknowledged(workers, findings);
    }
}

fn acknowledged(workers: &[Worker], findings: &mut Findings) {
    let sum = |count: fn(&Worker) -> u64| workers.iter().map(count).sum::<u64>();
    findings.figure("notes", sum(|worker| worker.counts.notes));
    findings.figure("updates", sum(|worker| worker.counts.updates));
    findings.figure("acknowledged_after_failures", sum(|worker| worker.counts.after_failures));
    findings.figure("updates_done_unheard", sum(|worker| worker.counts.done_unheard));
    for (name, count) in [
        ("signed_out", sum(|worker| worker.counts.signed_out)),
        ("updates_torn", sum(|worker| worker.counts.torn)),
    ] {
        findings.figure(name, count);
        findings.promise(count == 0, format!("{name}: {count}"));
    }
}

/// Notes the median, the 99th percentile and the most, and gives the last two.
fn spread(findings: &mut Findings, name: &str, mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let shares = [("p50", 0.5), ("p99", 0.99), ("max", 1.0)];
    let [_, p99, most] = shares.map(|(label, share)| {
        let value = quantile(&values, share);
        findings.figure(&format!("{name}_{label}"), value);
        value
    });
    [p99, most]
}

/// How long somebody waits for a server to be well again before it is given up.
pub const GIVEN_UP: Duration = Duration::from_secs(30);
