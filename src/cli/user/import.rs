//! `stead user import`: people from elsewhere.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::context::{print, print_json};
use crate::cli::failure::Failure;
use crate::cli::progress::Bar;
use crate::features::users::service::Users;
use crate::features::users::transfer::import::{Import, Phase, Progress, Summary, Way};
use crate::features::users::transfer::source::{Source, Unreadable, read};
use crate::features::users::transfer::{Fault, Format};

/// So many faults are shown; the report has all.
const SHOWN: usize = 20;

#[derive(Args)]
#[command(after_help = "Example: stead user import people.csv --report refused.ndjson

A line is a person: email, and perhaps display_name, locale, roles, status, email_verified, and password_hash (Argon2id in PHC form) or password. Whoever has neither is pending, and gets a link to choose a password by mail with --invite. docs/import.md has an example of each.")]
pub struct ImportUsers {
    /// The file to read; - is standard input
    file: PathBuf,
    /// csv or ndjson [default: by the name of the file]
    #[arg(long)]
    format: Option<Format>,
    /// Keep nothing unless every line is good; the file is read several times
    #[arg(long, conflicts_with = "dry_run")]
    all_or_nothing: bool,
    /// Check every line and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Mail everybody who has no password a link to choose one
    #[arg(long)]
    invite: bool,
    /// Write what is wrong with which line into this file, as NDJSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What it came to as JSON, for programs
    #[arg(long)]
    json: bool,
}

/// What an import came to, for programs.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    summary: Summary,
    /// The first of them.
    faults: Vec<Fault>,
}

impl ImportUsers {
    pub async fn act(self, users: &Users) -> Result<(), Failure> {
        let way = match (self.all_or_nothing, self.dry_run) {
            (true, _) => Way::AllOrNothing,
            (_, true) => Way::DryRun,
            _ => Way::Good,
        };
        let from_stdin = self.file == Path::new("-");
        let format = format_of(&self.file, self.format)?;
        let size = if from_stdin { None } else { size(&self.file)? };
        if way == Way::AllOrNothing && size.is_none() {
            return Err("--all-or-nothing reads several times: give it a file, not a pipe".into());
        }
        match &self.report {
            Some(report) if report == Path::new("-") => {
                return Err("--report is a file: give it a name, and not -".into());
            }
            Some(report) if is_same(report, &self.file) => {
                return Err("--report is the file that is read: give it another name".into());
            }
            _ => {}
        }
        let open = || -> Result<Source, Unreadable> {
            match from_stdin {
                true => read(io::stdin(), format),
                false => read(File::open(&self.file)?, format),
            }
        };
        let import = Import { open: &open, way, invite: self.invite };
        take_in(users, &import, size, self.report.as_deref(), self.json).await
    }
}

/// What the file is said to be, or what its name says.
pub fn format_of(file: &Path, said: Option<Format>) -> Result<Format, Failure> {
    let by_name = || file.extension()?.to_str()?.parse().ok();
    said.or_else(by_name).ok_or_else(|| "say what the file is: --format csv or --format ndjson".into())
}

fn is_same(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(a).is_some_and(|a| real(b) == Some(a))
}

/// The size of a file; of a pipe, `None`.
fn size(file: &Path) -> Result<Option<u64>, Failure> {
    let found = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(found.is_file().then_some(found.len()))
}

/// Imports people, shows how far it comes, and tells what came of it: an error if any line was refused.
pub async fn take_in(
    users: &Users,
    import: &Import<'_>,
    size: Option<u64>,
    report: Option<&Path>,
    json: bool,
) -> Result<(), Failure> {
    let progress = Arc::new(Progress::default());
    let mut report = report.map(|path| File::create(path).map(BufWriter::new)).transpose()?;
    let bar = Bar::follow(progress.clone(), size)?;
    let interrupted = tokio::spawn(end_at_a_signal(progress.clone(), import.way));
    let mut shown: Vec<Fault> = Vec::new();
    let mut tell = |fault: &Fault| -> io::Result<()> {
        if shown.len() < SHOWN {
            bar.say(told(fault));
            shown.push(fault.clone());
        } else if shown.len() == SHOWN {
            bar.say("… and more; --report FILE has all of them");
            shown.push(fault.clone());
        }
        let Some(report) = &mut report else { return Ok(()) };
        serde_json::to_writer(&mut *report, fault)?;
        report.write_all(b"\n")
    };
    let done = users.import(import, &progress, &mut tell).await;
    report.map_or(Ok(()), |mut report| report.flush())?;
    interrupted.abort();
    drop(bar);
    let summary = done.map_err(|error| format!("{error}; {}", settled(&progress, import.way)))?;
    shown.truncate(SHOWN);
    conclude(import.way, summary, shown, json)
}

/// What is there of an import that came to no end.
fn settled(progress: &Progress, way: Way) -> String {
    match way {
        Way::AllOrNothing if progress.phase() == Phase::Committing => {
            "it was about to be kept: all accounts are there, or none".to_owned()
        }
        Way::Good => format!("the lines up to {} are settled", progress.line.load(Ordering::Relaxed)),
        Way::AllOrNothing | Way::DryRun => "nothing was written".to_owned(),
    }
}

fn told(fault: &Fault) -> String {
    let column = fault.column.map_or_else(String::new, |column| format!(" {column}:"));
    format!("line {}:{column} {}", fault.line, fault.message)
}

fn conclude(way: Way, summary: Summary, faults: Vec<Fault>, json: bool) -> Result<(), Failure> {
    let Summary { line, made, invited, refused, stopped, kept } = summary.clone();
    if json {
        print_json(&Outcome { summary, faults })?;
    } else {
        let verb = if kept { "made" } else { "would make" };
        let invitations = if invited > 0 { format!(" ({invited} invited)") } else { String::new() };
        let (made, refused) = (count(made, "account"), count(refused, "line"));
        print(format_args!("{verb} {made}{invitations}, refused {refused}"))?;
    }
    let what = match way {
        Way::AllOrNothing if !kept => "; nothing was kept",
        Way::DryRun => "; nothing was written",
        _ => "",
    };
    if stopped && way == Way::Good {
        return Err(format!(
            "stopped after line {line}; to go on, do the same again: what is in is refused as taken"
        )
        .into());
    }
    if stopped {
        return Err(format!("stopped{what}").into());
    }
    match refused {
        0 => Ok(()),
        1 => Err(format!("1 line was refused{what}").into()),
        refused => Err(format!("{refused} lines were refused{what}").into()),
    }
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The first signal ends the import after the present batch, the second at once.
async fn end_at_a_signal(progress: Arc<Progress>, way: Way) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    let mut either = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    either().await;
    progress.stop();
    eprintln!("ending after the present batch; once more ends at once");
    either().await;
    eprintln!("ended at once; {}", settled(&progress, way));
    std::process::exit(130);
}
