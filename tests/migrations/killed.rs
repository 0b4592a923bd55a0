//! A process that is killed while it migrates leaves whole steps only, and the next one finishes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stead::db::Driver;
use stead::db::migrate::{Migration, embedded};
use tempfile::TempDir;

use crate::database::{Connected, Database, empty, made_up, on_both};
use crate::processes::migrate;
use crate::{sample_data, schema};

const ROUNDS: usize = 20;

on_both! {
    async fn the_program_killed_at_any_moment_leaves_whole_steps_only(database) {
        let folder = TempDir::new().unwrap();
        let all = embedded(database.driver());
        let mut references = Vec::new();
        for count in 0..=all.len() {
            references.push(sample_data::reference(&database, count).await);
        }
        let begun = Instant::now();
        assert!(migrate(&empty(database.driver()).await.unwrap().url, folder.path(), &["up"]).status().unwrap().success());
        let whole = begun.elapsed();
        let mut seen = std::collections::BTreeSet::new();
        for round in 0..ROUNDS {
            let database = empty(database.driver()).await.unwrap();
            let mut child = migrate(&database.url, folder.path(), &["up"]).spawn().unwrap();
            // Spread over the whole run: each round dies a little later.
            std::thread::sleep(whole * u32::try_from(round).unwrap() / u32::try_from(ROUNDS).unwrap());
            kill(&mut child);
            let mut connection = settled(&database).await;
            let applied = match connection.execute("SELECT 1 FROM schema_migrations").await {
                Ok(()) => connection.applied().await.len(),
                Err(_) => 0,
            };
            seen.insert(applied);
            assert_eq!(schema::read(&mut connection).await, references[applied], "round {round}: {applied} applied");
            let again = migrate(&database.url, folder.path(), &["up"]).output().unwrap();
            assert!(again.status.success(), "{again:?}");
            assert_eq!(connection.applied().await.len(), all.len());
            assert_eq!(schema::read(&mut connection).await, references[all.len()]);
        }
        assert!(seen.len() > 1, "killed at different moments: {seen:?}");
    }
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A connection, once the server has noticed that the dead one's is gone.
async fn settled(database: &Database) -> Connected {
    let mut connection = database.connect().await;
    let others = "SELECT count(*)::text FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let deadline = Instant::now() + Duration::from_secs(20);
    while database.driver() == Driver::Postgres && connection.column(others).await != ["0"] {
        assert!(Instant::now() < deadline, "the dead one's connections stay");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    connection
}

/// Two made-up migrations, of which the second takes its time in the middle.
fn slow(driver: Driver) -> [Migration; 2] {
    let up = match driver {
        Driver::Postgres => {
            "create table half (id bigint); select pg_sleep(1); create table other_half (id bigint);"
        }
        Driver::Sqlite => {
            "create table half (id bigint);
             with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000000)
             insert into half select max(i) from n;
             create table other_half (id bigint);"
        }
    };
    [made_up(1, "quick", "create table quick (id bigint);"), made_up(2, "slow", up)]
}

const INDEX: &str = "-- no-transaction
drop index concurrently if exists quick_id;
create index concurrently quick_id on quick (id);
";

fn index() -> [Migration; 2] {
    let index = Migration { transactional: false, ..made_up(2, "index", INDEX) };
    [made_up(1, "quick", "create table quick (id bigint);"), index]
}

/// Not a test of its own: the process that the tests below kill.
#[tokio::test]
async fn victim() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how this process is told what to do is no setting of Stead"
    )]
    let order = (std::env::var("STEAD_TEST_URL"), std::env::var("STEAD_TEST_MIGRATIONS"));
    let (Ok(url), Ok(migrations)) = order else { return };
    let driver = Driver::of(&url).unwrap();
    let migrations = if migrations == "index" { index() } else { slow(driver) };
    let clock = stead::base::clock::Clock::system();
    let mut migrator =
        stead::db::migrate::Migrator::connect_with(&url, clock, migrations.to_vec()).await.unwrap();
    let progress = |name: &str| {
        use std::io::Write;
        writeln!(std::io::stdout(), "applying {name}").unwrap();
    };
    migrator.up(progress).await.unwrap();
}

/// Starts the victim and waits until it is applying the second migration.
fn start_victim(database: &Database, migrations: &str) -> Child {
    let mut victim = Command::new(std::env::current_exe().unwrap());
    victim.args(["--exact", "killed::victim", "--nocapture"]).stdout(Stdio::piped()).stderr(Stdio::null());
    victim.env("STEAD_TEST_URL", &database.url).env("STEAD_TEST_MIGRATIONS", migrations);
    let mut victim = victim.spawn().unwrap();
    let name = format!("applying {migrations}");
    let mut told = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(told.any(|line| line.ends_with(&name)), "the victim gets there");
    victim
}

on_both! {
    async fn killed_in_the_middle_of_a_migration_nothing_of_it_is_left(database) {
        let mut victim = start_victim(&database, "slow");
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(victim.try_wait().unwrap(), None, "it is still in the middle of it");
        kill(&mut victim);
        let mut connection = settled(&database).await;
        assert_eq!(connection.applied().await, ["1"]);
        assert_eq!(schema::read(&mut connection).await.into_keys().collect::<Vec<_>>(), ["quick"]);
        assert_eq!(database.apply(&slow(database.driver())).await, 1);
        assert_eq!(schema::read(&mut connection).await.len(), 3);
    }
}

#[tokio::test]
async fn killed_while_an_index_is_built_concurrently_the_next_one_builds_it() {
    let Some(database) = empty(Driver::Postgres).await else { return };
    database.apply(&index()[..1]).await;
    // Whoever builds an index concurrently waits for transactions that write to the table.
    let mut writer = database.connect().await;
    writer.execute("BEGIN; INSERT INTO quick VALUES (1)").await.unwrap();
    let mut victim = start_victim(&database, "index");
    let mut connection = database.connect().await;
    let cut_off =
        "SELECT 1::text FROM pg_index WHERE NOT indisvalid AND indexrelid = to_regclass('quick_id')";
    while connection.column(cut_off).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kill(&mut victim);
    // The server builds on without its client, unless somebody ends it, as a crash would.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND query LIKE 'create index%'";
    connection.execute(end).await.unwrap();
    writer.execute("COMMIT").await.unwrap();
    drop(writer);
    assert_eq!(connection.column(cut_off).await, ["1"], "half an index is left");
    drop(connection);
    assert_eq!(settled(&database).await.applied().await, ["1"]);
    assert_eq!(database.apply(&index()).await, 1);
    let valid = "SELECT indisvalid::text FROM pg_index WHERE indexrelid = to_regclass('quick_id')";
    assert_eq!(database.connect().await.column(valid).await, ["true"]);
}
