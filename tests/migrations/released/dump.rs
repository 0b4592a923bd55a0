//! A database as text: the migrations that made it, as they are, and its rows.

use std::collections::BTreeSet;
use std::fmt::Write;

use stead::db::Driver;
use stead::db::migrate::embedded;

use super::life::Left;
use crate::database::{Connected, Database, empty};
use crate::schema::{self, Table};

/// How the line of an applied migration begins.
pub const APPLIED: &str = "INSERT INTO schema_migrations ";

const MIGRATIONS: &str = "CREATE TABLE schema_migrations (
    version bigint NOT NULL PRIMARY KEY,
    name text NOT NULL,
    label text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL
);
";

pub async fn of(database: &Database, left: &Left) -> String {
    let driver = database.driver();
    let mut sql = format!("-- {}\n", serde_json::to_string(left).unwrap());
    if driver == Driver::Sqlite {
        // Rows come in the order of tables, whatever they point at.
        sql.push_str("PRAGMA foreign_keys = off;\n");
    }
    sql.push_str(MIGRATIONS);
    for migration in embedded(driver) {
        // All of this is one message, and that is one transaction.
        sql.push_str(&migration.up.replace(" concurrently", ""));
        sql.push('\n');
    }
    let mut connection = database.connect().await;
    let schema = schema::read(&mut connection).await;
    let ordered = ordered(&schema);
    // What migrations put there is among the rows.
    let fresh = empty(driver).await.unwrap();
    fresh.apply(&embedded(driver)).await;
    let mut fresh = fresh.connect().await;
    for table in ordered.iter().rev() {
        if !fresh.column(&format!("SELECT 'x' FROM {table} LIMIT 1")).await.is_empty() {
            writeln!(sql, "DELETE FROM {table};").unwrap();
        }
    }
    let columns = ["version", "name", "label", "checksum", "applied_at"];
    inserts(&mut connection, "schema_migrations", &columns, &mut sql).await;
    for table in ordered {
        let columns: Vec<_> = schema[table].columns.keys().map(String::as_str).collect();
        let count = inserts(&mut connection, table, &columns, &mut sql).await;
        assert!(count > 0, "{table} is empty: let somebody live so that it is not (life.rs)");
    }
    sql
}

/// Tables in an order in which each comes after those that it points at.
fn ordered(schema: &schema::Schema) -> Vec<&str> {
    let points_at = |name: &str, table: &Table, other: &str| {
        name != other && table.references.iter().any(|line| line.contains(&format!("-> {other} (")))
    };
    let mut waiting: BTreeSet<&str> = schema.keys().map(String::as_str).collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let waits = |name: &&str| waiting.iter().any(|other| points_at(name, &schema[*name], other));
        let free: Vec<&str> = waiting.iter().copied().filter(|name| !waits(name)).collect();
        assert!(!free.is_empty(), "{waiting:?} point at each other");
        free.iter().for_each(|name| _ = waiting.remove(name));
        ordered.extend(free);
    }
    ordered
}

/// Says how many rows there are.
async fn inserts(connection: &mut Connected, table: &str, columns: &[&str], sql: &mut String) -> usize {
    let literal = |column: &&str| match connection.driver() {
        Driver::Sqlite => format!("quote({column})"),
        Driver::Postgres => format!("quote_nullable({column}::text)"),
    };
    let literals: Vec<_> = columns.iter().map(literal).collect();
    let (columns, literals) = (columns.join(", "), literals.join(" || ', ' || "));
    let lines = connection.column(&format!("SELECT {literals} FROM {table} AS t ORDER BY 1")).await;
    for line in &lines {
        writeln!(sql, "INSERT INTO {table} ({columns}) VALUES ({line});").unwrap();
    }
    lines.len()
}
