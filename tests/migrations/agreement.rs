//! Both schemas are one schema, in the types that the portability law allows.

use stead::db::Driver;
use stead::db::migrate::embedded;

use crate::database::empty;
use crate::schema::{self, Schema, Table};

async fn migrated(driver: Driver) -> Option<Schema> {
    let database = empty(driver).await?;
    let migrations = embedded(driver);
    assert_eq!(database.apply(&migrations).await, migrations.len());
    assert_eq!(database.apply(&migrations).await, 0, "a second run finds nothing to do");
    Some(schema::read(&mut database.connect().await).await)
}

/// What PostgreSQL may call a SQLite type.
const TYPES: [(&str, &[&str]); 5] = [
    ("blob", &["uuid", "bytea"]),
    ("text", &["text", "timestamp with time zone"]),
    ("bigint", &["bigint"]),
    ("boolean", &["boolean"]),
    ("real", &["double precision"]),
];

fn allowed(sqlite: &str) -> &'static [&'static str] {
    TYPES.iter().find(|(name, _)| *name == sqlite).map_or(&[], |(_, kinds)| kinds)
}

/// The table without what the two databases say in their own ways.
fn common(table: &Table) -> Table {
    let mut table = table.clone();
    for column in table.columns.values_mut() {
        column.kind.clear();
        column.collation.clear();
    }
    table
}

#[tokio::test]
async fn both_databases_get_the_same_tables_columns_keys_and_indexes() {
    let sqlite = migrated(Driver::Sqlite).await.unwrap();
    let Some(postgres) = migrated(Driver::Postgres).await else { return };
    assert!(sqlite.len() >= 8 && sqlite["users"].indexes["users_email"].condition == "deleted_at is null");
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, table) in &sqlite {
        assert_eq!(common(table), common(&postgres[name]), "{name}");
    }
}

#[tokio::test]
async fn types_follow_the_portability_law() {
    let sqlite = migrated(Driver::Sqlite).await.unwrap();
    let Some(postgres) = migrated(Driver::Postgres).await else { return };
    for (table, name, column) in
        sqlite.iter().flat_map(|(table, t)| t.columns.iter().map(move |(name, column)| (table, name, column)))
    {
        let other = &postgres[table].columns[name].kind;
        let allowed = allowed(&column.kind);
        assert!(allowed.contains(&other.as_str()), "{table}.{name}: {} and {other}", column.kind);
        let is_time = other == "timestamp with time zone";
        assert_eq!(is_time, name.ends_with("_at"), "{table}.{name}: times, and nothing else, end in _at");
        // A request bears the name that its sender gave it.
        let is_id = name == "id" || (name.ends_with("_id") && name != "request_id");
        assert!(!is_id || other == "uuid", "{table}.{name}: ids are uuid");
    }
}

#[tokio::test]
async fn postgres_text_that_is_sorted_or_ranged_is_collated_c() {
    let Some(schema) = migrated(Driver::Postgres).await else { return };
    for (name, table) in &schema {
        let keys = table.unique.iter().chain([&table.primary_key]);
        let indexed = keys.chain(table.indexes.values().map(|index| &index.columns)).flatten();
        for column in indexed.filter(|column| table.columns[*column].kind == "text") {
            let collation = &table.columns[column].collation;
            assert_eq!(collation, "C", "{name}.{column}: give it COLLATE \"C\", as SQLite sorts");
        }
    }
}
