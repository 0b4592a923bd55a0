//! `stead user`, over the same services as the API; and `stead migrate` beside it.

use sqlx::{Connection, Executor, SqliteConnection};

use crate::postgres;
use crate::program::{Folder, Outcome};
use crate::server::{Server, within_a_second};

const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "another staple for the battery";

async fn each_command_does_what_it_says(folder: Folder) {
    folder.run("user list").fails(&["0001_users", "`stead migrate up`"]);
    folder.run("migrate up").expect(0);
    let status = folder.run("migrate status --json").expect(0).json();
    let applied = status.as_array().unwrap().iter().all(|line| {
        line["state"] == "applied"
            && line["label"].is_string()
            && line["applied_at"].as_str().unwrap().ends_with('Z')
    });
    assert!(applied && status[0]["name"] == "users" && status[0]["version"] == 1, "{status}");

    let create = "user create Ada@Example.com --role admin --display-name Ada --password-stdin";
    let created = folder.feed(create, &format!("{PASSWORD}\n")).expect(0);
    assert!(created.stdout.starts_with("created ada@example.com ("), "{}", created.stdout);
    folder.feed(create, PASSWORD).fails(&["the address has an account"]);
    let json = folder.feed("user create bob@example.com --password-stdin --json", PASSWORD).expect(0).json();
    assert_eq!((&json["email"], &json["status"]), (&"bob@example.com".into(), &"active".into()));

    let server = Server::start(&folder);
    let (status, pair) = server.login("ada@example.com", PASSWORD).await;
    assert_eq!(status, 200, "{pair}");
    assert_eq!(pair["user"]["roles"], serde_json::json!(["admin", "user"]));
    let token = pair["access_token"].as_str().unwrap();
    let users =
        || async { server.get("/api/v1/users").bearer_auth(token).send().await.unwrap().status().as_u16() };
    assert_eq!(users().await, 200, "an admin may list accounts");

    let listed = folder.run("user list").expect(0).stdout;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("ada@example.com") && listed.contains("admin,user"), "{listed}");
    let admins = folder.run("user list --role admin --json").expect(0).json();
    assert_eq!((admins.as_array().unwrap().len(), &admins[0]["email"]), (1, &"ada@example.com".into()));
    assert!(!admins.to_string().contains("argon2"));

    folder.feed("user set-password ada@example.com --password-stdin", OTHER).expect(0);
    within_a_second(async || users().await == 401).await;
    assert_eq!(server.login("ada@example.com", PASSWORD).await.0, 401);
    assert_eq!(server.login("ada@example.com", OTHER).await.0, 200);

    folder.run("user suspend bob@example.com").expect(0);
    assert_eq!(server.login("bob@example.com", PASSWORD).await.1["code"], "account_suspended");
    folder.run("user activate bob@example.com").expect(0);
    assert_eq!(server.login("bob@example.com", PASSWORD).await.0, 200);
    folder.run("user suspend ada@example.com").fails(&["last active admin"]);
    folder.run("user suspend eve@example.com").fails(&["no such account"]);
    server.stop();
}

#[tokio::test]
async fn accounts_are_managed_from_the_terminal_on_sqlite() {
    postgres::count("sqlite");
    each_command_does_what_it_says(Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY))
        .await;
}

#[tokio::test]
async fn accounts_are_managed_from_the_terminal_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let folder = Folder::new().with("APP_ENV", "testing").with("APP_SECRET_KEY", KEY);
    each_command_does_what_it_says(folder.with("APP_DATABASE__URL", database.url())).await;
}

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[test]
fn accounts_are_listed_as_the_api_lists_them() {
    let folder = Folder::new();
    folder.run("migrate up").expect(0);
    for (email, more) in [
        ("ada@example.com", "--display-name Lovelace --locale zh"),
        ("lou@example.com", "--role admin"),
        ("zoe@example.com", ""),
    ] {
        folder.feed(&format!("user create {email} --password-stdin {more}"), PASSWORD).expect(0);
    }
    let listed = |options: &str| {
        let all = folder.run(&format!("user list --json {options}")).expect(0).json();
        let name =
            |user: &serde_json::Value| user["email"].as_str().unwrap().split('@').next().unwrap().to_owned();
        all.as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(listed(""), ["zoe", "lou", "ada"]);
    assert_eq!(listed("--q LO"), ["lou", "ada"], "by the address, and by the name");
    assert_eq!(listed("--sort email --limit 2"), ["ada", "lou"]);
    assert_eq!(listed("--sort -email --role user"), ["zoe", "lou", "ada"]);
    assert_eq!(listed("--created-before 2020-01-01T00:00:00Z"), [""; 0]);
    assert_eq!(listed("--created-after 2020-01-01T00:00:00Z").len(), 3);
    let ada = folder.run("user show ada@example.com --json").expect(0).json();
    assert_eq!((&ada["locale"], &ada["display_name"]), (&"zh".into(), &"Lovelace".into()));
    for wrong in ["--q LO --sort email", "--sort name", "--limit 0", "--status gone", "--created-after today"]
    {
        folder.run(&format!("user list {wrong}")).expect(2);
    }
}

#[tokio::test]
async fn a_list_ends_quietly_when_nobody_reads_on() {
    let folder = Folder::new();
    folder.run("migrate up").expect(0);
    folder.run("fake users 300").expect(0);
    // The oldest account cannot be read, so whoever goes on to the end fails.
    let file = format!("sqlite://{}", folder.path().join("data/stead.db").display());
    let mut database = SqliteConnection::connect(&file).await.unwrap();
    let oldest = "UPDATE users SET locale = x'00' WHERE id = (SELECT min(id) FROM users)";
    database.execute("PRAGMA ignore_check_constraints = on").await.unwrap();
    database.execute(oldest).await.unwrap();
    assert_ne!(folder.run("user list").code, Some(0));
    for options in ["", " --json"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let left =
            Outcome::of(folder.command(&format!("user list{options}")).stdout(writer).output().unwrap());
        assert_eq!(left.expect(0).stderr, "");
    }
}

#[test]
fn what_is_refused_says_what_to_do() {
    let folder = Folder::new();
    folder.run("migrate up").expect(0);
    let create = |arguments: &str, password: &str| {
        folder.feed(&format!("user create ada@example.com --password-stdin {arguments}"), password)
    };
    create("", "password1").fails(&["the password is too weak", "several words"]);
    create("", "").fails(&["the password is too weak"]);
    create("", "ada@example.com").fails(&["the password is too weak"]);
    create("--role boss", PASSWORD).fails(&["there is no role `boss`", "`admin` and `user`"]);
    let listed = folder.run("user list --json").expect(0).json();
    assert_eq!(listed, serde_json::json!([]), "nothing was made");
}

#[test]
fn a_migration_is_undone_and_done_again() {
    let folder = Folder::new();
    assert!(folder.run("migrate status").expect(0).stdout.lines().all(|line| line.contains(" pending ")));
    let up = folder.run("migrate up").expect(0).stderr;
    assert!(up.contains("applying users") && up.ends_with("the schema is up to date\n"), "{up}");
    assert!(folder.run("migrate up").expect(0).stderr.starts_with("0 applied"));
    let down = folder.run("migrate down").expect(0).stderr;
    let status = folder.run("migrate status").expect(0).stdout;
    let last = status.lines().last().unwrap();
    assert!(last.contains(" pending ") && down.contains(last.split(' ').next().unwrap()), "{down}{status}");
    folder.run("user list").fails(&[last.split(' ').next().unwrap(), "`stead migrate up`"]);
    assert!(folder.run("migrate up").expect(0).stderr.contains("1 applied"));
}

#[test]
fn in_acc_and_prod_a_migration_is_undone_only_by_whoever_says_yes() {
    for environment in ["acc", "prod"] {
        let folder = Folder::new()
            .with("APP_ENV", environment)
            .with("APP_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
            .with("APP_SERVER__PUBLIC_URL", "https://api.example.com")
            .with("APP_DATABASE__ALLOW_SQLITE", true)
            .with("APP_MAIL__URL", "smtps://mail.example.com")
            .with("APP_AUTH__HASH__MEMORY_KIB", 19456)
            .with("APP_AUTH__HASH__ITERATIONS", 2);
        folder.run("migrate up").expect(0);
        folder
            .run("migrate down")
            .fails(&["deletes what the newest migration added", "`stead migrate down --yes`"]);
        assert!(folder.run("migrate up").expect(0).stderr.starts_with("0 applied"), "nothing was undone");
        assert!(folder.run("migrate down --yes").expect(0).stderr.starts_with("undid "));
    }
}

#[test]
fn a_refusal_says_the_way_out() {
    let folder = Folder::new();
    folder.run("migrate up").expect(0);
    folder.run("user create ada@example.com").expect(0);
    folder.run("user create ada@example.com").fails(&["has an account", "`stead user set-password`"]);
    folder
        .feed("user create bob@example.com --password-stdin", "short")
        .fails(&["too weak. A password must have at least 8 characters"]);
    folder.feed("user create bob@example.com --password-stdin", "password123").fails(&["too easy to guess"]);
    let mut nameless = folder.command("user create bob@example.com --display-name");
    let refused = nameless.arg(" ").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(said, "error: --display-name has fewer than 1 character\n");
}
