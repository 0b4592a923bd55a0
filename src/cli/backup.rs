//! `stead backup` and `stead restore`: a SQLite database into a file and back.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::context::{block_on, print, print_json};
use super::failure::Failure;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::db::Driver;
use crate::db::backup::{self, Restored, Snapshot, Step};

/// Copy the SQLite database into a file, beside a running server
///
/// The file holds everything that was answered before the command began. It is looked through before it
/// gets its name, and is for its owner alone: it holds the accounts. It does not hold APP_SECRET_KEY,
/// without which it is of no use.
#[derive(Args)]
#[command(after_help = "Example: stead backup /var/backups/stead-$(date +%F).db")]
pub struct Backup {
    /// The file to make
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Put a backup in the place of the SQLite database
///
/// Stop the server first. The backup is looked through before anything is changed, and the present
/// database is kept beside the restored one. acc and prod want --yes.
#[derive(Args)]
#[command(after_help = "Example: stead restore /var/backups/stead-2026-11-23.db")]
pub struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Delete the present database instead of keeping it
    #[arg(long)]
    discard: bool,
    /// It is meant: replace the database, in acc and prod too
    #[arg(long)]
    yes: bool,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

const ON_POSTGRES: &str = "the database is PostgreSQL, and this is for SQLite";
/// Said in acc and prod, where nobody should lose data by a word too many in the history of a shell.
const UNASKED: &str = "`stead restore` takes back everything that was done since the backup; if that is meant, say \
                       `stead restore FILE --yes`";

#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    snapshot: Snapshot,
    seconds: f64,
}

impl Backup {
    pub fn run(self, config: &Config) -> Result<(), Failure> {
        let url = config.database.url.expose();
        if Driver::of(url)? == Driver::Postgres {
            return Err(format!("{ON_POSTGRES}: use `pg_dump --format=custom`, see docs/backup.md").into());
        }
        let (begun, bar) = (Instant::now(), bar()?);
        let taken =
            block_on(async { Ok(backup::take(url, &self.file, self.force, |step| show(&bar, step)).await?) });
        bar.finish_and_clear();
        let made = Made { snapshot: taken?, seconds: begun.elapsed().as_secs_f64() };
        if self.json {
            return print_json(&made);
        }
        let Made { snapshot: Snapshot { path, bytes, newest_migration }, seconds } = made;
        print(format_args!(
            "{}: {bytes} bytes in {seconds:.1} s, sound, as of {newest_migration}",
            path.display()
        ))
    }
}

impl Restore {
    pub fn run(self, config: &Config) -> Result<(), Failure> {
        let url = config.database.url.expose();
        if Driver::of(url)? == Driver::Postgres {
            return Err(format!("{ON_POSTGRES}: use `pg_restore`, see docs/backup.md").into());
        }
        if config.environment.is_guarded() && !self.yes {
            return Err(UNASKED.into());
        }
        let keep = (!self.discard).then(|| Clock::system().now());
        let bar = bar()?;
        let restored =
            block_on(async { Ok(backup::restore(url, &self.file, keep, |step| show(&bar, step)).await?) });
        bar.finish_and_clear();
        let restored = restored?;
        if self.json { print_json(&restored) } else { say_what_is_next(&restored) }
    }
}

fn say_what_is_next(restored: &Restored) -> Result<(), Failure> {
    print(format_args!("{} is restored, as of {}", restored.path.display(), restored.newest_migration))?;
    if let Some(kept) = &restored.kept {
        print(format_args!("the database before it is {}; delete it when you are sure", kept.display()))?;
    }
    print("\nNext:")?;
    print("- APP_SECRET_KEY must be the one of the time of the backup: it opens the keys in it")?;
    if !restored.pending.is_empty() {
        print(format_args!(
            "- `stead migrate up` applies what has come since: {}",
            restored.pending.join(", ")
        ))?;
    }
    print("- what was ended since the backup is good again; `stead sessions end --all` ends every session")?;
    print("- start the server; docs/backup.md says what else comes back")
}

/// On a terminal; nothing where nobody looks.
fn bar() -> Result<ProgressBar, Failure> {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}")?;
    Ok(ProgressBar::new(0).with_style(style))
}

fn show(bar: &ProgressBar, step: Step) {
    match step {
        Step::Copying { done, of } => {
            bar.set_length(of);
            bar.set_position(done.min(of));
            bar.set_message("copying");
        }
        Step::Checking => bar.set_message("looking through the copy"),
    }
}
