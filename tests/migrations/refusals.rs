//! On which schemas a version runs, and what it says of the others.

use stead::app::{Nature, build};
use stead::config::{Config, Sources, load};
use stead::db::migrate::{Migration, State, embedded};

use crate::database::{Database, made_up, on_both};

/// A configuration for the database, in an environment where nothing is migrated by itself.
pub fn config(database: &Database) -> Config {
    let flags = [
        ("secret_key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ("database.url", &database.url),
        ("auth.hash.threads", "1"),
        ("auth.hash.memory_kib", "64"),
        ("auth.hash.iterations", "1"),
    ];
    let sources = Sources {
        variables: [("APP_ENV".to_owned(), "testing".to_owned())].into(),
        flags: flags.map(|(path, value)| (path.to_owned(), value.to_owned())).into(),
        ..Sources::default()
    };
    load(&sources).unwrap().config
}

/// What the server says instead of starting.
async fn refusal(database: &Database) -> Option<String> {
    build(config(database), Nature::default()).await.err().map(|error| error.to_string())
}

/// The embedded migrations and one of a later version.
fn with_later(database: &Database, up: &'static str, contract: bool) -> Vec<Migration> {
    let mut all = embedded(database.driver());
    let version = all.last().unwrap().version + 1;
    let mut later = made_up(version, "later", up);
    if contract {
        later.label = stead::db::migrate::Label::Contract;
    }
    all.push(later);
    all
}

on_both! {
    async fn a_server_on_an_empty_database_names_the_command_to_run(database) {
        let said = refusal(&database).await.unwrap();
        assert!(said.contains("0001_users") && said.contains("`stead migrate up`"), "{said}");
    }

    async fn a_server_on_a_schema_that_is_behind_names_what_is_pending(database) {
        let all = embedded(database.driver());
        database.apply(&all[..all.len() - 1]).await;
        let said = refusal(&database).await.unwrap();
        let last = all.last().unwrap();
        let name = format!("{:04}_{}", last.version, last.name);
        assert!(said.contains(&name) && !said.contains("0001_users"), "{said}");
        assert!(said.contains("`stead migrate up`"), "{said}");
        database.apply(&all).await;
        assert_eq!(refusal(&database).await, None);
    }

    async fn a_server_runs_on_what_a_later_version_has_only_expanded(database) {
        database.apply(&with_later(&database, "create table later (id bigint);", false)).await;
        assert_eq!(refusal(&database).await, None);
    }

    async fn a_server_refuses_what_a_later_version_has_contracted(database) {
        database.apply(&with_later(&database, "drop table outbox;", true)).await;
        let said = refusal(&database).await.unwrap();
        assert!(said.contains("_later") && said.contains("`stead migrate down`"), "{said}");
    }

    async fn a_migration_that_has_changed_since_is_refused_by_name(database) {
        let mut all = embedded(database.driver());
        database.apply(&all).await;
        let change = "UPDATE schema_migrations SET checksum = 'other' WHERE version = 3";
        database.connect().await.execute(change).await.unwrap();
        let said = refusal(&database).await.unwrap();
        assert!(said.contains("0003_keys") && !said.contains("0002_roles"), "{said}");
        let version = all.last().unwrap().version + 1;
        all.push(made_up(version, "next", "create table next (id bigint);"));
        let mut migrator = database.migrator(&all).await;
        let error = migrator.up(|_| ()).await.unwrap_err().to_string();
        assert!(error.contains("0003_keys"), "nothing is built upon it either: {error}");
        let plan = migrator.plan().await.unwrap();
        assert_eq!(plan.in_state(State::Changed).map(|line| line.version).collect::<Vec<_>>(), [3]);
        assert_eq!(plan.in_state(State::Pending).map(|line| line.version).collect::<Vec<_>>(), [version]);
    }

    async fn what_a_later_version_applied_is_shown_and_not_undone(database) {
        database.apply(&with_later(&database, "create table later (id bigint);", false)).await;
        let mut migrator = database.migrator(&embedded(database.driver())).await;
        let plan = migrator.plan().await.unwrap();
        assert_eq!(plan.in_state(State::Unknown).map(|line| line.name.as_str()).collect::<Vec<_>>(), ["later"]);
        assert!(migrator.down().await.unwrap_err().to_string().contains("_later cannot be undone"));
    }
}
