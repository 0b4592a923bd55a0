//! Ordinary days: a third of what the server can do, for a long while, and nothing grows.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::client::{Call, Client};
use super::figures::{milliseconds_exactly, quantile, rounded};
use super::people::{Person, Tokens, join, login, me, refresh};
use super::stage::{Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use crate::process;

pub const DRILL: Drill = Drill {
    name: "soak",
    about: "twenty minutes at a third of what the server can do",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres) },
    ],
};

const CALLERS: usize = 24;
/// How much more the server may hold at the end of the second half than at its beginning, by the line
/// that fits best: what is left of noise.
const MOST_GROWTH: f64 = 0.03;
/// Connections that come and go with the moment.
const MOST_FILES: usize = 8;
/// Tables that keep what was, by promise: the audit log, and for an hour what replicas have to hear of.
const KEEPING: [&str; 3] = ["audit_events", "audit_details", "access_changes"];

struct Phases {
    capacity: Duration,
    soak: Duration,
    sample: Duration,
}

fn run(context: &Context, database: Database) -> Result<Findings> {
    let [capacity, soak, sample] = if context.short { [1, 8, 1] } else { [20, 1200, 10] };
    let seconds = Duration::from_secs;
    let phases = Phases { capacity: seconds(capacity), soak: seconds(soak), sample: seconds(sample) };
    let Some(stage) = Stage::cheap(context, database, 1, &[])? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let mut findings = Findings::default();
    block_on(drill(context, &phases, &stage, &mut findings))?;
    stage.close(&mut findings)?;
    Ok(findings)
}

async fn drill(context: &Context, phases: &Phases, stage: &Stage, findings: &mut Findings) -> Result<()> {
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let person = join(stage.client(), &format!("caller-{number}@example.com")).await?;
        callers.push(Caller { client: stage.client().clone(), person, turn: number, note: None });
    }
    let (callers, most) = work(callers, None, phases.capacity, std::future::pending()).await?;
    let capacity = most.answers() as f64 / phases.capacity.as_secs_f64();
    findings.figure("capacity_per_s", rounded(capacity));

    let pace = Duration::from_secs_f64(CALLERS as f64 * 3.0 / capacity);
    let mut samples = Vec::new();
    let sampling = async {
        let begun = Instant::now();
        let mut ticks = interval(phases.sample);
        loop {
            ticks.tick().await;
            samples.push(Sample::take(stage, begun.elapsed())?);
        }
    };
    let (_, done) = work(callers, Some(pace), phases.soak, sampling).await?;
    findings.figure("served_per_s", rounded(done.answers() as f64 / phases.soak.as_secs_f64()));
    findings.figure("served", done.answers());
    let mut times = done.milliseconds;
    times.sort_by(f64::total_cmp);
    findings.figure("answer_ms_p50", rounded(quantile(&times, 0.5)));
    findings.figure("answer_ms_p99", rounded(quantile(&times, 0.99)));
    judge(context, &samples, findings);
    Ok(())
}

/// Lets everybody work for a while, at a pace or as fast as answers come, while something else goes on.
async fn work(
    callers: Vec<Caller>,
    pace: Option<Duration>,
    time: Duration,
    beside: impl Future<Output = Result<()>>,
) -> Result<(Vec<Caller>, Done)> {
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(caller.work(pace, over.clone()));
    }
    tokio::select! {
        () = sleep(time) => {}
        ended = beside => ended?,
        Some(ended) = tasks.join_next() => { ended??; }
    }
    over.store(true, Ordering::Relaxed);
    let (mut callers, mut done) = (Vec::new(), Done::default());
    for worked in tasks.join_all().await {
        let (caller, milliseconds) = worked?;
        callers.push(caller);
        done.milliseconds.extend(milliseconds);
    }
    Ok((callers, done))
}

#[derive(Default)]
struct Done {
    milliseconds: Vec<f64>,
}

impl Done {
    fn answers(&self) -> usize {
        self.milliseconds.len()
    }
}

/// Somebody who reads, writes, refreshes, and now and then signs out and in again.
struct Caller {
    client: Client,
    person: Person,
    turn: usize,
    note: Option<String>,
}

impl Caller {
    async fn work(mut self, pace: Option<Duration>, over: Arc<AtomicBool>) -> Result<(Self, Vec<f64>)> {
        let mut times = Vec::new();
        let mut ticks = pace.map(interval);
        if let Some(ticks) = &mut ticks {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        while !over.load(Ordering::Relaxed) {
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            let begun = Instant::now();
            self.act().await?;
            times.push(milliseconds_exactly(begun.elapsed()));
        }
        Ok((self, times))
    }

    async fn act(&mut self) -> Result<()> {
        self.turn += 1;
        let access = &self.person.tokens.access;
        match (self.turn % 400, self.turn % 20) {
            (17, _) => {
                self.client.send(Call::post("auth/logout").by(access)).await?.expect(204)?;
                let answer = self.client.send(login(&self.person.email, &self.person.password)).await?;
                self.person.tokens = Tokens::of(&answer.expect(200)?)?;
            }
            (_, 0) => {
                let note = json!({ "title": format!("turn {}", self.turn), "body": "x".repeat(1000) });
                let made = self.client.send(Call::post("notes").with(note).by(access)).await?.expect(201)?;
                self.note = Some(made.text("id")?);
            }
            (_, 5) => drop(self.client.send(Call::get("notes").by(access)).await?.expect(200)?),
            (_, 10) => {
                if let Some(note) = self.note.take() {
                    let call = Call::delete(&format!("notes/{note}")).by(access);
                    self.client.send(call).await?.expect(204)?;
                }
            }
            (_, 15) => {
                let answer = self.client.send(refresh(&self.person.tokens.refresh)).await?.expect(200)?;
                self.person.tokens =
                    Tokens { device: self.person.tokens.device.clone(), ..Tokens::of(&answer)? };
            }
            _ => drop(self.client.send(me(access)).await?.expect(200)?),
        }
        Ok(())
    }
}

/// What the server held at some time.
struct Sample {
    at: Duration,
    kib: f64,
    files: usize,
    rows: BTreeMap<String, u64>,
}

impl Sample {
    fn take(stage: &Stage, at: Duration) -> Result<Self> {
        let server = &stage.servers[0];
        let rows = tokio::task::block_in_place(|| rows(stage))?;
        Ok(Self { at, kib: server.resident_kib()? as f64, files: server.open_files()?, rows })
    }
}

/// How many rows each table has.
fn rows(stage: &Stage) -> Result<BTreeMap<String, u64>> {
    const SQLITE: &str = "import sqlite3, sys\n\
        db = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n\
        for (name,) in db.execute(\"select name from sqlite_schema where type = 'table'\").fetchall():\n\
        \x20   print(name, *db.execute(f'select count(*) from \"{name}\"').fetchone())";
    const POSTGRES: &str = "select relname, (xpath('/row/n/text()', query_to_xml(
        format('select count(*) as n from %I', relname), false, true, '')))[1] from pg_stat_user_tables";
    let told = match stage.place.variable("APP_DATABASE__URL") {
        Some(url) => {
            let look = ["--no-psqlrc", "--tuples-only", "--no-align", "--field-separator= ", "--command"];
            process::output(process::command("psql").args(look).args([POSTGRES, url]))?
        }
        None => {
            let file = stage.place.folder().join("data/stead.db");
            process::output(Command::new("python3").args(["-c", SQLITE]).arg(file))?
        }
    };
    let row = |line: &str| {
        let (table, rows) = line.split_once(' ').context("not a table and its rows")?;
        Ok((table.to_owned(), rows.parse()?))
    };
    told.lines().map(row).collect()
}

fn judge(context: &Context, samples: &[Sample], findings: &mut Findings) {
    let second = &samples[samples.len() / 2..];
    let (Some(first), Some(middle), Some(last)) = (samples.first(), second.first(), second.last()) else {
        return findings.promise(false, "it was over before anything was seen");
    };
    for (when, sample) in [("first", first), ("middle", middle), ("last", last)] {
        findings.figure(&format!("rss_kib_{when}"), sample.kib);
        findings.figure(&format!("files_{when}"), sample.files);
        for (table, rows) in &sample.rows {
            findings.figure(&format!("rows_{when}_{table}"), *rows);
        }
    }
    let points: Vec<_> = second.iter().map(|sample| (sample.at.as_secs_f64() / 60.0, sample.kib)).collect();
    let slope = slope(&points);
    findings.figure("rss_kib_per_minute", rounded(slope));
    let growth = slope * (last.at - middle.at).as_secs_f64() / 60.0 / middle.kib;
    // What is cached comes within the first minutes.
    let matters = !context.short;
    let what = format!("it held {:.1} % more at the end of the second half", growth * 100.0);
    findings.promise(!matters || growth <= MOST_GROWTH, what);
    let files = |samples: &[Sample]| samples.iter().map(|sample| sample.files).max().unwrap_or_default();
    let (before, after) = (files(&samples[..samples.len() / 2]), files(second));
    findings.figure("files_most", before.max(after));
    findings.promise(after <= before + MOST_FILES, format!("{after} open files after {before}"));
    for (table, rows) in last.rows.iter().filter(|(table, _)| !KEEPING.contains(&table.as_str())) {
        // What callers have under way: a note each.
        let most = middle.rows.get(table).copied().unwrap_or_default() + CALLERS as u64;
        findings.promise(*rows <= most, format!("{rows} rows in `{table}`, {most} at most were to be"));
    }
}

/// Of the line that fits the points best (least squares).
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), point| {
        (above + (point.0 - x) * (point.1 - y), below + (point.0 - x).powi(2))
    });
    if below == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn the_slope_is_that_of_the_line_that_fits_best() {
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), 2.0);
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 1.0)]), 0.0);
        assert_eq!(slope(&[(0.0, 1.0)]), 0.0);
    }
}
