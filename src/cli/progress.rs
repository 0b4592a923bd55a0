//! How far a long command has come, on a terminal; nothing at all in a pipe.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::failure::Failure;
use crate::features::users::transfer::import::{Phase, Progress};

const PERIOD: Duration = Duration::from_millis(200);

/// A bar that follows an import until it is dropped.
pub struct Bar {
    bar: ProgressBar,
    follower: tokio::task::JoinHandle<()>,
}

impl Bar {
    /// `total` is in bytes of the file, where that is known.
    pub fn follow(progress: Arc<Progress>, total: Option<u64>) -> Result<Self, Failure> {
        let (bar, style) = match total {
            Some(total) => (ProgressBar::new(total), "{bar:30} {percent:>3} %  {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        };
        bar.set_style(ProgressStyle::with_template(style)?);
        let shown = bar.clone();
        let follower = tokio::spawn(async move {
            let mut phase = progress.phase();
            loop {
                if progress.phase() != phase {
                    // Each phase has its own speed.
                    phase = progress.phase();
                    shown.reset();
                }
                shown.set_position(progress.end.load(Ordering::Relaxed));
                shown.set_message(message(&progress, shown.elapsed()) + &left(&shown));
                shown.tick();
                tokio::time::sleep(PERIOD).await;
            }
        });
        Ok(Self { bar, follower })
    }

    /// A line on stderr, above the bar if there is one.
    pub fn say(&self, line: impl Display) {
        self.bar.suspend(|| eprintln!("{line}"));
    }
}

/// How long it will take, once that can be said.
fn left(bar: &ProgressBar) -> String {
    match bar.length() {
        Some(_) if bar.position() > 0 => format!(", {:#} left", HumanDuration(bar.eta())),
        _ => String::new(),
    }
}

fn message(progress: &Progress, elapsed: Duration) -> String {
    let figure = |figure: &AtomicU64| HumanCount(figure.load(Ordering::Relaxed));
    let rate = |done: u64| HumanCount((done as f64 / elapsed.as_secs_f64().max(0.001)) as u64);
    let (made, refused) = (figure(&progress.made), figure(&progress.refused));
    let settled = rate(made.0 + refused.0);
    match (progress.phase(), figure(&progress.hashed)) {
        (Phase::Checking, _) => format!("checking: {made} good, {refused} refused, {settled}/s"),
        (Phase::Hashing, hashed) => format!("hashing: {hashed} passwords, {}/s", rate(hashed.0)),
        (Phase::Committing, _) => format!("{made} made, committing"),
        (Phase::Making, HumanCount(0)) => format!("{made} made, {refused} refused, {settled}/s"),
        (Phase::Making, hashed) => {
            format!("{made} made, {refused} refused, {settled}/s, {hashed} passwords hashed")
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.follower.abort();
        self.bar.finish_and_clear();
    }
}
