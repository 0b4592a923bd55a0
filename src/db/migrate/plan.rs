//! What is applied, what is pending, and whether this version may run on it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;
use sqlx::SqliteConnection;

use super::file::{Label, Migration, embedded};
use crate::base::clock::Timestamp;
use crate::db::{Db, DbError, Driver, Session};

pub(super) const APPLIED: &str =
    "SELECT version, name, label, checksum, applied_at FROM schema_migrations ORDER BY version";

/// Where the migrations of this version stand in the database behind `db`, asked as a request would ask.
pub async fn plan(db: &Db) -> Result<Plan, DbError> {
    plan_over(&mut db.read().await?, db.driver()).await
}

/// The plan, over a connection in hand.
pub(super) async fn plan_over(connection: &mut Session, driver: Driver) -> Result<Plan, DbError> {
    let applied = match connection.query(APPLIED).fetch_all().await {
        Err(error) if error.is_absent_table() => Vec::new(),
        outcome => outcome?,
    };
    Ok(Plan::new(&embedded(driver), &applied))
}

/// Whether this version may run on what is applied there, over a connection in hand; the log is told when that
/// changes.
pub async fn is_current(db: &Db, connection: &mut Session) -> Result<bool, DbError> {
    let refusal = plan_over(connection, db.driver()).await?.refusal();
    let was_left_behind = db.left_behind.swap(refusal.is_some(), Ordering::Relaxed);
    match &refusal {
        Some(error) if !was_left_behind => {
            tracing::error!(error, task = "schema", "this version may not run on the schema any more");
        }
        None if was_left_behind => tracing::info!("this version may run on the schema again"),
        _ => {}
    }
    Ok(refusal.is_none())
}

/// How the database answered a probe.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub latency: Duration,
    /// Whether this version may run on what is applied there.
    pub is_current: bool,
}

/// How long the database takes for a small question, and whether this version may run on it.
pub async fn probe(db: &Db) -> Result<Answer, DbError> {
    let begun = Instant::now();
    let is_current = is_current(db, &mut db.read().await?).await?;
    Ok(Answer { latency: begun.elapsed(), is_current })
}

/// The plan, in a SQLite file that nobody serves.
pub(in crate::db) async fn plan_of(file: &mut SqliteConnection) -> Result<Plan, sqlx::Error> {
    let there = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'";
    let there: Option<String> = sqlx::query_scalar(there).fetch_optional(&mut *file).await?;
    let applied = if there.is_some() { sqlx::query_as(APPLIED).fetch_all(file).await? } else { Vec::new() };
    Ok(Plan::new(&embedded(Driver::Sqlite), &applied))
}

/// A row of `schema_migrations`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Applied {
    pub version: i64,
    pub name: String,
    pub label: Label,
    pub checksum: String,
    pub applied_at: Timestamp,
}

/// Where one migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Applied,
    Pending,
    /// Applied by another version: this one does not have the file.
    Unknown,
    /// Applied, but the file has changed since.
    Changed,
}

/// One line of `migrate status`.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    pub version: i64,
    pub name: String,
    pub label: Label,
    pub state: State,
    pub applied_at: Option<Timestamp>,
}

/// The standing of every migration, known or only applied, in order.
#[derive(Clone, Debug, Serialize)]
pub struct Plan(pub Vec<Standing>);

impl Plan {
    pub(super) fn new(known: &[Migration], applied: &[Applied]) -> Self {
        let mut lines: Vec<_> = known
            .iter()
            .map(|m| {
                let row = applied.iter().find(|a| a.version == m.version);
                let state = match row {
                    None => State::Pending,
                    Some(row) if row.checksum != m.checksum() => State::Changed,
                    Some(_) => State::Applied,
                };
                let applied_at = row.map(|a| a.applied_at);
                Standing { version: m.version, name: m.name.into(), label: m.label, state, applied_at }
            })
            .collect();
        let unknown = applied.iter().filter(|a| known.iter().all(|m| m.version != a.version));
        lines.extend(unknown.map(|a| Standing {
            version: a.version,
            name: a.name.clone(),
            label: a.label,
            state: State::Unknown,
            applied_at: Some(a.applied_at),
        }));
        lines.sort_by_key(|line| line.version);
        Self(lines)
    }

    pub fn in_state(&self, state: State) -> impl Iterator<Item = &Standing> {
        self.0.iter().filter(move |line| line.state == state)
    }

    /// Why this version must not run on this schema; `None` if it may: all its own migrations are
    /// applied unchanged, and every one that it does not know only expands.
    pub fn refusal(&self) -> Option<String> {
        self.conflict().or_else(|| {
            let pending: Vec<_> = self.in_state(State::Pending).collect();
            (!pending.is_empty())
                .then(|| format!("migrations are pending: {}; run `stead migrate up`", names(&pending)))
        })
    }

    /// What a later version has applied, where this one runs on it all the same; `None` if there is nothing.
    pub fn ahead(&self) -> Option<String> {
        let unknown: Vec<_> = self.in_state(State::Unknown).collect();
        (!unknown.is_empty()).then(|| {
            format!(
                "the schema is ahead of this program: a newer version has applied {}, which only adds; this program runs on it",
                names(&unknown)
            )
        })
    }

    /// Why this version cannot run on this schema, whatever it applies.
    pub fn conflict(&self) -> Option<String> {
        let changed: Vec<_> = self.in_state(State::Changed).collect();
        let contracted: Vec<_> =
            self.in_state(State::Unknown).filter(|line| line.label == Label::Contract).collect();
        if !changed.is_empty() {
            return Some(format!(
                "applied migrations have changed since: {}; restore the files as they were and add a new one",
                names(&changed)
            ));
        }
        (!contracted.is_empty()).then(|| {
            format!(
                "a newer version has taken away what this one needs: {}; run the newer version, or `stead migrate down` with it first",
                names(&contracted)
            )
        })
    }
}

fn names(lines: &[&Standing]) -> String {
    lines.iter().map(|line| format!("{:04}_{}", line.version, line.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(version: i64) -> Migration {
        Migration {
            version,
            name: "step",
            label: Label::Expand,
            transactional: true,
            up: "-- expand",
            down: None,
        }
    }

    fn applied(version: i64, label: Label) -> Applied {
        let checksum = known(version).checksum();
        Applied { version, name: "step".into(), label, checksum, applied_at: Timestamp::EPOCH }
    }

    #[test]
    fn a_version_runs_on_a_schema_that_a_later_one_has_only_expanded() {
        let rows = [applied(1, Label::Expand), applied(2, Label::Expand)];
        assert_eq!(Plan::new(&[known(1)], &rows).refusal(), None);
    }

    #[test]
    fn a_version_refuses_a_schema_that_a_later_one_has_contracted() {
        let rows = [applied(1, Label::Expand), applied(2, Label::Contract)];
        assert!(Plan::new(&[known(1)], &rows).refusal().unwrap().contains("0002_step"));
    }

    #[test]
    fn pending_and_changed_migrations_are_refused_by_name() {
        let plan = Plan::new(&[known(1), known(2)], &[applied(1, Label::Expand)]);
        assert!(plan.refusal().unwrap().contains("`stead migrate up`"));
        let mut changed = applied(1, Label::Expand);
        changed.checksum = "other".into();
        assert!(Plan::new(&[known(1)], &[changed]).refusal().unwrap().contains("changed"));
    }
}
