//! How fast the server is there, and what it weighs when nobody asks anything of it.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::{Context, Drill, Findings, Part};
use crate::place::Place;
use crate::server::{self, Server};

pub const DRILL: Drill = Drill {
    name: "start",
    about: "time from start to the first answer, and memory at rest",
    parts: &[Part { about: "on an existing SQLite database", run: on_sqlite }],
};

const STARTS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// What a start may take before rolling a fleet feels slow.
const START_LIMIT_MS: f64 = 1000.0;
/// What fits beside others on the smallest machine that is rented out.
const MEMORY_LIMIT_KIB: f64 = 100.0 * 1024.0;

fn on_sqlite(context: &Context) -> Result<Findings> {
    let binary = server::build(context.profile)?;
    let place = Place::sqlite()?;
    let mut findings = Findings::default();

    // The first start makes the database, its tables and the first admin.
    let mut first = Server::start(&binary, &place)?;
    findings.figure("first_start_ms", milliseconds(first.wait_for("/health/live", PATIENCE)?));
    first.stop(PATIENCE)?;

    let (mut starts, mut stops, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if context.short { 3 } else { STARTS } {
        let mut server = Server::start(&binary, &place)?;
        starts.push(milliseconds(server.wait_for("/health/live", PATIENCE)?));
        // What the start needed and gave back is not what it weighs at rest.
        sleep(Duration::from_millis(500));
        memory.push(f64::from(u32::try_from(server.resident_kib()?)?));
        stops.push(milliseconds(server.stop(PATIENCE)?));
    }
    findings.figure("starts", starts.len());
    for (name, values) in [("start_ms", &mut starts), ("stop_ms", &mut stops), ("idle_rss_kib", &mut memory)]
    {
        values.sort_by(f64::total_cmp);
        for (label, share) in [("min", 0.0), ("p50", 0.5), ("p95", 0.95), ("max", 1.0)] {
            findings.figure(&format!("{name}_{label}"), quantile(values, share));
        }
    }
    let (start, weight) = (quantile(&starts, 0.95), quantile(&memory, 0.95));
    findings.promise(start <= START_LIMIT_MS, format!("p95 of a start is {start} ms, over {START_LIMIT_MS}"));
    findings.promise(
        weight <= MEMORY_LIMIT_KIB,
        format!("at rest it holds {weight} KiB, over {MEMORY_LIMIT_KIB}"),
    );
    Ok(findings)
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

/// The smallest value that at least this share of the sorted values does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.95, 1.0].map(|share| quantile(&values, share)), [1.0, 10.0, 19.0, 20.0]);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
