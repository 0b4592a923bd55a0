//! How far a long command has come, on a terminal; nothing at all in a pipe.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::failure::Failure;
use crate::features::users::transfer::import::Progress;

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
            Some(total) => (ProgressBar::new(total), "{bar:30} {percent:>3} %  {msg}, {eta} left"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        };
        bar.set_style(ProgressStyle::with_template(style)?);
        let shown = bar.clone();
        let follower = tokio::spawn(async move {
            loop {
                let figure = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
                let (made, refused) = (figure(&progress.made), figure(&progress.refused));
                let rate = (made + refused) as f64 / shown.elapsed().as_secs_f64().max(0.001);
                shown.set_position(figure(&progress.end));
                shown.set_message(format!(
                    "{} made, {} refused, {}/s{}",
                    HumanCount(made),
                    HumanCount(refused),
                    HumanCount(rate as u64),
                    match figure(&progress.hashed) {
                        0 => String::new(),
                        hashed => format!(", {} passwords hashed", HumanCount(hashed)),
                    }
                ));
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

impl Drop for Bar {
    fn drop(&mut self) {
        self.follower.abort();
        self.bar.finish_and_clear();
    }
}
