//! A row in every table, made from the schema alone, so that a new table has one without being asked.
//!
//! All ids are one id, all texts one text: so whatever points at another row finds it.

use std::collections::{BTreeMap, BTreeSet};

use stead::db::Driver;

use crate::database::Connected;
use crate::schema::{self, Schema};

/// The rows of each table, each as one text.
pub type Rows = BTreeMap<String, BTreeSet<String>>;

fn sample(driver: Driver, column: &str, kind: &str) -> &'static str {
    match (driver, kind) {
        (_, "bigint") => "7",
        (_, "boolean") => "true",
        (_, "real" | "double precision") => "0.5",
        (Driver::Sqlite, "blob") => "X'0198f0d27b3a7c5e8f102a3b4c5d6e7f'",
        (_, "uuid") => "'0198f0d2-7b3a-7c5e-8f10-2a3b4c5d6e7f'",
        (_, "bytea") => r"'\x0198f0d27b3a7c5e8f102a3b4c5d6e7f'",
        (_, "timestamp with time zone") => "'2026-01-31T12:00:00.123456Z'",
        (_, "text") if column.ends_with("_at") => "'2026-01-31T12:00:00.123456Z'",
        (_, "text") => "'sample'",
        _ => panic!("{column}: no sample of type {kind}"),
    }
}

/// Puts the sample row into every table that does not have it yet.
pub async fn fill(database: &mut Connected) -> Schema {
    let schema = schema::read(database).await;
    let mut waiting: Vec<_> = schema.keys().collect();
    // What points at a table that is still empty is refused, and tried again after the others.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut still = Vec::new();
        for table in waiting {
            if !insert(database, &schema, table).await {
                still.push(table);
            }
        }
        assert!(still.len() < before, "no sample row fits into {still:?}");
        waiting = still;
    }
    schema
}

async fn insert(database: &mut Connected, schema: &Schema, table: &str) -> bool {
    let columns = &schema[table].columns;
    let names: Vec<_> = columns.keys().map(String::as_str).collect();
    let values: Vec<_> =
        columns.iter().map(|(name, column)| sample(database.driver(), name, &column.kind)).collect();
    let sql = format!(
        "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
        names.join(", "),
        values.join(", ")
    );
    // A table of one row comes with it, and an append-only one refuses the sample that it has.
    database.execute(&sql).await.is_ok()
        || !database.rows(&format!("SELECT 'x' FROM {table} LIMIT 1")).await.is_empty()
}

/// The rows of all tables of `wanted`, in those of its columns that `database` still has.
pub async fn read(database: &mut Connected, wanted: &Schema) -> Rows {
    let present = schema::read(database).await;
    let mut rows = Rows::new();
    for (table, known) in wanted.iter().filter(|(table, _)| present.contains_key(*table)) {
        let columns: Vec<_> =
            known.columns.keys().filter(|name| present[table].columns.contains_key(*name)).collect();
        let cell = |name: &&String| match database.driver() {
            Driver::Sqlite => format!("'{name}=' || quote({name})"),
            Driver::Postgres => format!("'{name}=' || coalesce({name}::text, 'NULL')"),
        };
        let cells: Vec<_> = columns.iter().map(cell).collect();
        let sql = format!("SELECT {} FROM {table}", cells.join(" || ' ' || "));
        rows.insert(table.clone(), database.column(&sql).await.into_iter().collect());
    }
    rows
}
