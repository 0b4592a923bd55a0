//! `stead audit`, over the rows that the API shows.

use serde_json::Value;

use crate::postgres;
use crate::program::Folder;
use crate::server::Server;

const PASSWORD: &str = "correct horse battery staple";
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn actions(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect()
}

async fn it_shows_what_the_api_shows(folder: Folder) {
    folder.run("migrate up").expect(0);
    assert_eq!(folder.run("audit --json").expect(0).json(), serde_json::json!([]));
    assert_eq!(folder.run("audit").expect(0).stdout, "");
    let create = "user create ada@example.com --role admin --password-stdin --json";
    let ada = folder.feed(create, PASSWORD).expect(0).json();
    let id = ada["id"].as_str().unwrap();
    let server = Server::start(&folder);
    for _ in 0..3 {
        server.login("ada@example.com", "wrong").await;
    }
    let (_, pair) = server.login("ada@example.com", PASSWORD).await;
    let token = pair["access_token"].as_str().unwrap();
    let shown = server.get("/api/v1/audit-events").bearer_auth(token).send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    server.stop();

    let all = folder.run("audit --all --json").expect(0).json();
    assert_eq!(all, shown["items"], "the same events in the same form");
    assert_eq!(actions(&all), ["logged_in", "login_failed", "login_failed", "login_failed", "user_created"]);
    let run = |arguments: &str| folder.run(&format!("audit --json {arguments}")).expect(0).json();
    assert_eq!(actions(&run("--limit 2")), ["logged_in", "login_failed"]);
    assert_eq!(actions(&run(&format!("--actor {id}"))), ["logged_in"]);
    assert_eq!(actions(&run(&format!("--subject {id} --action login_failed"))).len(), 3);
    let (second, last) = (all[1]["occurred_at"].as_str().unwrap(), all[0]["occurred_at"].as_str().unwrap());
    assert_eq!(run(&format!("--after {second} --before {last}")), serde_json::json!([all[1]]));

    let lines = folder.run("audit --limit 5").expect(0).stdout;
    assert_eq!(lines.lines().count(), 5, "{lines}");
    let first = lines.lines().next().unwrap();
    assert!(first.contains(last) && first.contains("logged_in") && first.contains(id), "{first}");
    assert!(first.contains("127.0.0.1"), "{first}");
}

#[tokio::test]
async fn the_terminal_lists_what_happened_on_sqlite() {
    postgres::count("sqlite");
    it_shows_what_the_api_shows(Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY)).await;
}

#[tokio::test]
async fn the_terminal_lists_what_happened_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let folder = Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY);
    it_shows_what_the_api_shows(folder.with("APP_DATABASE__URL", database.url())).await;
}

#[test]
fn a_long_log_is_read_page_by_page() {
    let folder = Folder::new();
    folder.run("migrate up").expect(0);
    let url = format!("sqlite://{}/data/stead.db", folder.path().display());
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1234)
        INSERT INTO audit_events (id, occurred_at, action)
        SELECT randomblob(16), '2030-01-01T08:00:00.000000Z', 'logged_in' FROM n";
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
        sqlx::query(fill).execute(&mut connection).await.unwrap();
    });
    let all = folder.run("audit --all --json").expect(0).json();
    let ids: std::collections::BTreeSet<_> =
        all.as_array().unwrap().iter().map(|event| event["id"].to_string()).collect();
    assert_eq!((all.as_array().unwrap().len(), ids.len()), (1234, 1234), "none is skipped or shown twice");
    assert_eq!(folder.run("audit --limit 1001").expect(0).stdout.lines().count(), 1001);
}

#[test]
fn a_filter_with_a_fault_is_wrong_use() {
    let folder = Folder::new();
    for (arguments, word) in [
        ("audit --action sneezed", "login_failed"),
        ("audit --actor me", "me"),
        ("audit --after yesterday", "yesterday"),
        ("audit --limit 0", "0"),
        ("audit --limit 3 --all", "--all"),
    ] {
        let outcome = folder.run(arguments).expect(2);
        assert!(outcome.stderr.contains(word), "{arguments}: {}", outcome.stderr);
    }
    assert!(folder.is_empty());
}

#[test]
fn an_account_is_named_by_its_id() {
    let folder = Folder::new();
    for option in ["--actor", "--subject"] {
        let refused = folder.run(&format!("audit {option} ada@example.com")).expect(2).stderr;
        assert!(refused.contains("ada@example.com") && refused.contains("`stead user list`"), "{refused}");
    }
    assert!(folder.is_empty());
}

#[test]
fn the_columns_of_all_actions_stand_under_each_other() {
    use stead::access::audit::Action;
    let folder = Folder::new();
    folder.run("migrate up").expect(0);
    folder.run("user create ada@example.com").expect(0);
    let line = folder.run("audit").expect(0).stdout;
    let (before, _) = line.lines().next().unwrap().split_once("  by ").unwrap();
    let room = before.len() - before.find("user_created").unwrap();
    for action in Action::ALL {
        let name = action.name();
        assert!(name.len() <= room, "{name} takes more than {room}");
    }
}
