//! What only the database knows, as it was when somebody looked: a scrape that finds it silent still tells
//! the rest, and two scrapes at once look once.

use std::time::Duration;

use opentelemetry::metrics::Meter;

use crate::base::latest::Latest;

/// What a look found is shown for so long. Whoever is sent figures, where nobody scrapes any more, must not take
/// what was true an hour ago for what is.
const SHOWN: Duration = Duration::from_secs(120);

/// What a look found out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sounding {
    /// Mails that wait to be sent.
    pub queued: u64,
    /// How long the first of them has been waiting.
    pub oldest: Duration,
    /// Whether all migrations that this version needs are applied.
    pub is_migrated: bool,
}

/// The last look. Clones share it.
#[derive(Clone)]
pub struct Soundings(Latest<Sounding>);

impl Default for Soundings {
    fn default() -> Self {
        Self(Latest::new(Duration::from_secs(2), Duration::from_secs(1)))
    }
}

impl Soundings {
    /// What the last look found; `None` where the database did not answer, or it was long ago.
    pub fn last(&self) -> Option<Sounding> {
        self.0.known(SHOWN).flatten()
    }

    /// Looks, unless somebody has just done so.
    pub async fn take<E>(&self, look: impl Future<Output = Result<Sounding, E>>) {
        self.0.take(look).await;
    }

    /// Shows what was found. Of what is not known there is no series.
    pub fn observe(&self, meter: &Meter) {
        let this = self.clone();
        meter
            .u64_observable_gauge("db.up")
            .with_description("Whether the database answered the last look: 1 or 0")
            .with_callback(move |to| {
                _ = this.0.known(SHOWN).map(|found| to.observe(found.is_some().into(), &[]))
            })
            .build();
        let this = self.clone();
        meter
            .u64_observable_gauge("outbox.queued")
            .with_unit("{mail}")
            .with_description("Mails that wait to be sent")
            .with_callback(move |to| _ = this.last().map(|found| to.observe(found.queued, &[])))
            .build();
        let this = self.clone();
        meter
            .f64_observable_gauge("outbox.oldest.age")
            .with_unit("s")
            .with_description("How long the first of them has been waiting")
            .with_callback(move |to| _ = this.last().map(|found| to.observe(found.oldest.as_secs_f64(), &[])))
            .build();
        let this = self.clone();
        meter
            .u64_observable_gauge("schema.current")
            .with_description("Whether the migrations that this version needs are applied: 1 or 0")
            .with_callback(move |to| _ = this.last().map(|found| to.observe(found.is_migrated.into(), &[])))
            .build();
    }
}
