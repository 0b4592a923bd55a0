//! `stead role`, `stead sessions` and what `stead user` does with one account, over the same services as
//! the API.

use serde_json::{Value, json};

use crate::postgres;
use crate::program::Folder;
use crate::server::{Server, within_a_second};

const PASSWORD: &str = "correct horse battery staple";

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

async fn roles_are_managed(folder: Folder) {
    folder.run("migrate up").expect(0);
    let permissions = folder.run("role permissions --json").expect(0).json();
    assert!(names(&permissions).contains(&"audit:read") && names(&permissions).is_sorted(), "{permissions}");
    let lines = folder.run("role permissions").expect(0).stdout;
    assert!(
        lines.lines().any(|line| line.starts_with("audit:read ") && line.ends_with("Read the audit log")),
        "{lines}"
    );
    assert_eq!(names(&folder.run("role list --json").expect(0).json()), ["admin", "user"]);
    let admin = folder.run("role show admin --json").expect(0).json();
    assert_eq!(json!(names(&permissions)), admin["permissions"]);

    folder.feed("user create ada@example.com --password-stdin", PASSWORD).expect(0);
    let server = Server::start(&folder);
    let pair = server.login("ada@example.com", PASSWORD).await.1;
    let token = pair["access_token"].as_str().unwrap();
    let events = || async {
        server.get("/api/v1/audit-events").bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    assert_eq!(events().await, 403);

    let made = folder
        .run("role create auditor --description Auditing --permission audit:read --json")
        .expect(0)
        .json();
    assert_eq!(
        made,
        json!({"name": "auditor", "description": "Auditing", "built_in": false, "permissions": ["audit:read"]})
    );
    folder.run("role create auditor").fails(&["a role of this name is there already"]);
    let given = folder.run("user set-roles ada@example.com user auditor --json").expect(0).json();
    assert_eq!(given["roles"], json!(["auditor", "user"]));
    within_a_second(async || events().await == 200).await;

    let changed = folder.run("role set auditor --no-permissions").expect(0).stdout;
    assert!(changed.starts_with("changed auditor ") && changed.contains("Auditing"), "{changed}");
    within_a_second(async || events().await == 403).await;
    let set = "role set auditor --permission audit:read --permission users:read --description Looks";
    folder.run(set).expect(0);
    within_a_second(async || events().await == 200).await;
    let lines = folder.run("role list").expect(0).stdout;
    assert!(lines.lines().any(|line| line.contains("audit:read,users:read  Looks")), "{lines}");

    folder.run("role delete auditor").fails(&["held by 1 of the accounts"]);
    folder.run("user set-roles ada@example.com user").expect(0);
    assert_eq!(folder.run("role delete auditor").expect(0).stdout, "deleted auditor\n");
    folder.run("role show auditor").fails(&["no such role", "`stead role list`"]);
    server.stop();
    let log = folder.run("audit --all --json").expect(0).json();
    let about: Vec<_> = log.as_array().unwrap().iter().filter(|event| event["role"] == "auditor").collect();
    let actions: Vec<_> = about.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["role_deleted", "role_updated", "role_updated", "role_created"]);
    let line = folder.run("audit --action role_deleted").expect(0).stdout;
    assert!(line.contains("  to auditor "), "{line}");
}

async fn an_account_and_its_sessions_are_managed(folder: Folder) {
    folder.run("migrate up").expect(0);
    for name in ["ada", "bob"] {
        folder.feed(&format!("user create {name}@example.com --password-stdin"), PASSWORD).expect(0);
    }
    let server = Server::start(&folder);
    let sign_in = async |name: &str| {
        let pair = server.login(&format!("{name}@example.com"), PASSWORD).await.1;
        pair["access_token"].as_str().unwrap().to_owned()
    };
    let me = async |token: &str| {
        server.get("/api/v1/users/me").bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    let (ada, bob) = (sign_in("ada").await, sign_in("bob").await);
    assert_eq!((me(&ada).await, me(&bob).await), (200, 200));

    let sessions = folder.run("sessions list ada@example.com --json").expect(0).json();
    assert_eq!((sessions.as_array().unwrap().len(), &sessions[0]["ip"]), (1, &json!("127.0.0.1")));
    assert!(folder.run("sessions list ada@example.com").expect(0).stdout.contains("  127.0.0.1 "));
    assert_eq!(folder.run("sessions end ada@example.com").expect(0).stdout, "1 ended\n");
    within_a_second(async || me(&ada).await == 401).await;
    assert_eq!(me(&bob).await, 200);
    let again = sign_in("ada").await;
    assert_eq!(folder.run("sessions end --all --json").expect(0).json(), json!({"ended": 2}));
    within_a_second(async || me(&again).await == 401 && me(&bob).await == 401).await;
    let pair = server.login("bob@example.com", PASSWORD).await;
    assert_eq!(pair.0, 200, "signing in goes on");

    let set = folder.run("user set ada@example.com --display-name Ada --locale zh --json").expect(0).json();
    assert_eq!((&set["display_name"], &set["locale"]), (&json!("Ada"), &json!("zh")));
    let mut cleared = folder.command("user set ada@example.com --json --display-name");
    assert!(cleared.arg("").output().unwrap().status.success());
    let shown = folder.run("user show ada@example.com --json").expect(0).json();
    assert_eq!((&shown["display_name"], &shown["locale"]), (&json!(null), &json!("zh")));
    assert!(folder.run("user show ada@example.com").expect(0).stdout.contains("ada@example.com"));

    let id = shown["id"].as_str().unwrap().to_owned();
    assert_eq!(folder.run(&format!("user show {id} --json")).expect(0).json(), shown);
    for (command, said) in [
        ("user suspend", "suspended "),
        ("user activate", "activated "),
        ("user set --locale en", "changed "),
        ("sessions list", ""),
        ("sessions end", "0 ended"),
    ] {
        let told = folder.run(&format!("{command} {id}")).expect(0).stdout;
        assert!(told.starts_with(said), "{told}");
    }
    folder.run("user show 01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa").fails(&["no such account"]);
    folder.run("user show nobody").expect(2);
    let deleted = folder.run("user delete ada@example.com").expect(0).stdout;
    assert_eq!(deleted, "deleted ada@example.com; all sessions ended\n");
    assert_eq!(server.login("ada@example.com", PASSWORD).await.0, 401);
    folder.run("user show ada@example.com").fails(&["no such account"]);
    let gone = folder.run("user list --status deleted --json").expect(0).json();
    assert_eq!((gone.as_array().unwrap().len(), &gone[0]["id"]), (1, &json!(id)));
    folder.run("user restore ada@example.com").expect(0);
    assert_eq!(server.login("ada@example.com", PASSWORD).await.0, 200);
    folder.run("user restore ada@example.com").fails(&["no such deleted account"]);

    // Two who had one address are told apart by their ids.
    folder.run("user delete ada@example.com").expect(0);
    folder.feed("user create ada@example.com --password-stdin", PASSWORD).expect(0);
    folder.run("user delete ada@example.com").expect(0);
    folder.run("user restore ada@example.com").fails(&["several", &id]);
    let restored = folder.run(&format!("user restore {id} --json")).expect(0).json();
    assert_eq!((&restored["id"], &restored["status"]), (&json!(id), &json!("active")));
    server.stop();
}

fn folder() -> Folder {
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", key)
}

#[tokio::test]
async fn roles_are_managed_from_the_terminal_on_sqlite() {
    postgres::count("sqlite");
    roles_are_managed(folder()).await;
}

#[tokio::test]
async fn roles_are_managed_from_the_terminal_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    roles_are_managed(folder().with("APP_DATABASE__URL", database.url())).await;
}

#[tokio::test]
async fn an_account_and_its_sessions_are_managed_from_the_terminal_on_sqlite() {
    postgres::count("sqlite");
    an_account_and_its_sessions_are_managed(folder()).await;
}

#[tokio::test]
async fn an_account_and_its_sessions_are_managed_from_the_terminal_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    an_account_and_its_sessions_are_managed(folder().with("APP_DATABASE__URL", database.url())).await;
}

#[test]
fn what_is_refused_says_what_to_do_and_changes_nothing() {
    let folder = folder();
    folder.run("migrate up").expect(0);
    folder.feed("user create ada@example.com --role admin --password-stdin", PASSWORD).expect(0);
    for (arguments, words) in [
        (
            "role create boss --permission users:fly --permission users:read",
            &["`users:fly`", "`stead role permissions`"][..],
        ),
        ("role set nobody --no-permissions", &["no such role", "`stead role list`"]),
        ("role set admin --no-permissions", &["built-in"]),
        ("role delete user", &["built-in"]),
        ("role delete nobody", &["no such role"]),
        ("user set-roles ada@example.com boss", &["there is no role `boss`"]),
        ("user set-roles ada@example.com user", &["last active admin"]),
        ("user delete ada@example.com", &["last active admin"]),
        ("user restore eve@example.com", &["no such deleted account"]),
        ("sessions end eve@example.com", &["no such account"]),
    ] {
        folder.run(arguments).fails(words);
    }
    for (arguments, word) in [
        ("role create Boss", "letter first"),
        ("role set auditor", "--description"),
        ("role set auditor --no-permissions --permission users:read", "--no-permissions"),
        ("user set ada@example.com", "--display-name"),
        ("user restore ada", "EMAIL|ID"),
        ("sessions end", "EMAIL"),
        ("sessions end ada@example.com --all", "--all"),
    ] {
        let outcome = folder.run(arguments).expect(2);
        assert!(outcome.stderr.contains(word), "{arguments}: {}", outcome.stderr);
    }
    assert_eq!(names(&folder.run("role list --json").expect(0).json()), ["admin", "user"]);
    let shown = folder.run("user show ada@example.com --json").expect(0).json();
    assert_eq!(shown["roles"], json!(["admin", "user"]));
}
