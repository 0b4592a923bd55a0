//! One migration at a time: it fails, it rebuilds a table, it cannot run in a transaction.

use std::time::Instant;

use stead::base::clock::Clock;
use stead::db::Driver;
use stead::db::migrate::{Migration, Migrator};

use crate::database::{empty, made_up, on_both};

fn thing() -> Migration {
    made_up(
        1,
        "thing",
        "create table thing (name text not null primary key); insert into thing values ('a');",
    )
}

on_both! {
    async fn a_migration_that_fails_is_rolled_back_whole_and_named(database) {
        let broken = made_up(
            2,
            "broken",
            "create table half (id bigint); insert into thing values ('b'); insert into thing values ('a');",
        );
        let later = made_up(3, "later", "create table later (id bigint);");
        let mut migrator = database.migrator(&[thing(), broken, later.clone()]).await;
        let error = migrator.up(|_| ()).await.unwrap_err().to_string();
        assert!(error.starts_with("migration 0002_broken failed: "), "{error}");
        let mut connection = database.connect().await;
        assert_eq!(connection.applied().await, ["1"]);
        assert_eq!(connection.column("SELECT name FROM thing").await, ["a"]);
        assert!(connection.execute("SELECT * FROM half").await.is_err());
        drop(migrator);
        let mended = made_up(2, "broken", "insert into thing values ('b');");
        assert_eq!(database.apply(&[thing(), mended, later]).await, 2, "mended, it goes on from there");
        assert_eq!(connection.applied().await, ["1", "2", "3"]);
    }

    async fn the_name_of_each_is_told_before_it_runs(database) {
        let mut told = Vec::new();
        let all = [thing(), made_up(2, "other", "create table other (id bigint);")];
        database.migrator(&all).await.up(|name| told.push(name.to_owned())).await.unwrap();
        assert_eq!(told, ["thing", "other"]);
    }

    async fn what_is_applied_is_noted_with_the_time_of_the_database(database) {
        let clock = Clock::system();
        // As on a machine whose clock is long behind.
        clock.follow("2001-01-31T12:00:00Z".parse().unwrap(), Instant::now());
        let mut migrator = Migrator::connect_with(&database.url, clock, vec![thing()]).await.unwrap();
        migrator.up(|_| ()).await.unwrap();
        let times = "SELECT CAST(applied_at AS text) FROM schema_migrations";
        let noted = database.connect().await.column(times).await.remove(0);
        assert!(!noted.starts_with("2001"), "{noted}");
    }

    async fn a_migration_without_a_way_back_is_not_undone(database) {
        let mut migrator = database.migrator(&[thing()]).await;
        migrator.up(|_| ()).await.unwrap();
        let error = migrator.down().await.unwrap_err().to_string();
        assert!(error.contains("0001_thing cannot be undone"), "{error}");
        assert_eq!(database.connect().await.applied().await, ["1"]);
    }
}

const FAMILY: &str = "
    create table parent (id bigint not null primary key, name text not null);
    create table child (parent bigint not null references parent (id) on delete cascade);
    insert into parent values (1, 'a'), (2, 'b');
    insert into child values (1), (1), (2);";

/// SQLite changes a table by building it anew.
const REBUILD: &str = "
    create table parent_new (id bigint not null primary key, name text);
    insert into parent_new select id, name from parent;
    drop table parent;
    alter table parent_new rename to parent;";

#[tokio::test]
async fn a_sqlite_table_that_is_built_anew_keeps_the_rows_that_point_at_it() {
    let database = empty(Driver::Sqlite).await.unwrap();
    database.apply(&[made_up(1, "family", FAMILY), made_up(2, "rebuild", REBUILD)]).await;
    let mut connection = database.connect().await;
    assert_eq!(connection.column("SELECT CAST(parent AS text) FROM child ORDER BY 1").await, ["1", "1", "2"]);
    // The rule is still there, and for everybody else it holds.
    assert!(connection.execute("INSERT INTO child VALUES (3)").await.is_err());
}

#[tokio::test]
async fn a_sqlite_migration_that_leaves_rows_pointing_nowhere_is_rolled_back() {
    let database = empty(Driver::Sqlite).await.unwrap();
    let careless = made_up(2, "careless", "delete from parent where id = 2;");
    let mut migrator = database.migrator(&[made_up(1, "family", FAMILY), careless]).await;
    let error = migrator.up(|_| ()).await.unwrap_err().to_string();
    assert!(error.contains("0002_careless") && error.contains("rows in `child`"), "{error}");
    assert_eq!(database.connect().await.column("SELECT name FROM parent ORDER BY id").await, ["a", "b"]);
}

const INDEX: &str = "-- expand: find things faster
-- no-transaction
drop index concurrently if exists thing_name;
create index concurrently thing_name on thing (name);
";

fn index() -> Migration {
    let down = Some("drop index concurrently if exists thing_name;");
    Migration { transactional: false, down, ..made_up(2, "index", INDEX) }
}

#[tokio::test]
async fn an_index_is_built_concurrently_outside_a_transaction_and_undone_so() {
    let Some(database) = empty(Driver::Postgres).await else { return };
    assert_eq!(database.apply(&[thing(), index()]).await, 2);
    let mut connection = database.connect().await;
    assert_eq!(connection.column(VALID).await, ["true"]);
    database.migrator(&[thing(), index()]).await.down().await.unwrap();
    assert_eq!(connection.column(VALID).await, [] as [&str; 0]);
    assert_eq!(connection.applied().await, ["1"]);
}

const VALID: &str =
    "SELECT x.indisvalid::text FROM pg_index AS x WHERE x.indexrelid = to_regclass('thing_name')";

#[tokio::test]
async fn an_index_that_was_cut_off_is_built_anew() {
    let Some(database) = empty(Driver::Postgres).await else { return };
    database.apply(&[thing()]).await;
    let mut connection = database.connect().await;
    // A build that fails leaves behind what a killed one leaves: an index that nobody uses.
    connection.execute("CREATE TABLE twice AS SELECT 1 AS n UNION ALL SELECT 1").await.unwrap();
    let unique = "CREATE UNIQUE INDEX CONCURRENTLY twice_n ON twice (n)";
    assert!(connection.execute(unique).await.is_err());
    let rename = "ALTER INDEX twice_n RENAME TO thing_name";
    connection.execute(rename).await.unwrap();
    assert_eq!(connection.column(VALID).await, ["false"]);
    assert_eq!(database.apply(&[thing(), index()]).await, 1);
    assert_eq!(connection.column(VALID).await, ["true"]);
}

#[tokio::test]
async fn a_statement_that_fails_outside_a_transaction_is_named_and_can_be_repeated() {
    let Some(database) = empty(Driver::Postgres).await else { return };
    let text = "create index concurrently if not exists thing_name on thing (name);\nselect 1 / 0;\n";
    let broken = Migration { transactional: false, ..made_up(2, "broken", text) };
    let error = database.migrator(&[thing(), broken]).await.up(|_| ()).await.unwrap_err().to_string();
    assert!(error.starts_with("migration 0002_broken failed: "), "{error}");
    assert_eq!(database.connect().await.applied().await, ["1"]);
    assert_eq!(database.apply(&[thing(), index()]).await, 1);
}
