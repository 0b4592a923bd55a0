//! Who is asked at a scrape. Each is held by its own handle: the state holds the instruments, and would be
//! kept alive by itself.

use std::path::Path;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::db::{DbError, migrate};
use crate::state::AppState;
use crate::telemetry::metrics::Sounding;

/// Makes everything that measures begin to.
pub fn observe(state: &AppState) {
    let meter = state.metrics.meter();
    state.db.measure(meter);
    state.access.measure(meter);
    state.passwords.hasher().observe(meter);
    state.tasks.measure(meter);
    state.metrics.soundings().observe(meter);
    state.metrics.machine().observe(meter, volume(state));
    load(state, meter);
    build(meter);
}

/// Asks the database what only it knows.
pub async fn look(state: &AppState) {
    state.metrics.soundings().take(sound(state)).await;
}

async fn sound(state: &AppState) -> Result<Sounding, DbError> {
    let mut db = state.db.look().await?;
    let is_migrated = migrate::is_current(&state.db, &mut db).await?;
    let depth = state.outbox.depth(&mut db).await?;
    Ok(Sounding { queued: depth.queued, oldest: depth.oldest, is_migrated })
}

/// Where the database's file is; with PostgreSQL, where the process was started.
pub fn volume(state: &AppState) -> Arc<Path> {
    let file = state.db.file();
    let folder = file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).into()
}

fn load(state: &AppState, meter: &Meter) {
    let load = state.load.clone();
    meter
        .u64_observable_counter("http.server.shed_requests")
        .with_unit("{request}")
        .with_description("Requests turned away because too many were under way")
        .with_callback(move |to| to.observe(load.refused(), &[]))
        .build();
    let crowd = state.crowd.clone();
    meter
        .u64_observable_gauge("http.server.open_connections")
        .with_unit("{connection}")
        .with_description("Connections to the public listener")
        .with_callback(move |to| to.observe(number(crowd.open()), &[]))
        .build();
    let crowd = state.crowd.clone();
    meter
        .u64_observable_gauge("http.server.max_connections")
        .with_unit("{connection}")
        .with_description("How many there may be")
        .with_callback(move |to| to.observe(number(crowd.most()), &[]))
        .build();
    let crowd = state.crowd.clone();
    meter
        .u64_observable_counter("http.server.dismissed_connections")
        .with_unit("{connection}")
        .with_description(
            "Connections that were closed because others came, or because their answers held too much",
        )
        .with_callback(move |to| to.observe(crowd.dismissed(), &[]))
        .build();
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Which build it is.
fn build(meter: &Meter) {
    let revision = option_env!("GIT_REVISION").unwrap_or("unknown");
    let labels = [KeyValue::new("version", env!("CARGO_PKG_VERSION")), KeyValue::new("revision", revision)];
    meter
        .u64_observable_gauge("build_info")
        .with_description("Always 1: the labels say which build it is")
        .with_callback(move |to| to.observe(1, &labels))
        .build();
}
