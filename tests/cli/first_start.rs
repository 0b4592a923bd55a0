//! The first start in dev: everything is made, and said once.

use crate::postgres;
use crate::program::Folder;
use crate::server::Server;

/// The one-time password in what a server printed.
fn password(out: &str) -> Option<&str> {
    let (_, rest) = out.split_once("admin@example.com\n")?;
    Some(rest.lines().next()?.trim()).filter(|password| !password.is_empty())
}

#[tokio::test]
async fn the_first_start_makes_an_admin_and_says_so_once() {
    let folder = Folder::new();
    let first = Server::start(&folder);
    let out = first.out();
    let password = password(&out).unwrap_or_else(|| panic!("no password in {out:?}"));
    assert!(out.contains("/docs") && out.contains("/dev/mail"), "{out}");
    let operators = first.log().split_once("management=").map(|(_, rest)| rest.to_owned()).unwrap();
    let operators = operators.split_whitespace().next().unwrap();
    assert!(operators.starts_with("127.0.0.1:"), "{operators}");
    assert!(out.contains(&format!("http://{operators}/metrics")), "{out}");
    assert!(!first.log().contains(password), "the log does not have it");
    let (status, pair) = first.login("admin@example.com", password).await;
    assert_eq!((status, &pair["user"]["roles"][0]), (200, &"admin".into()), "{pair}");
    assert!(folder.path().join("data/stead.db").is_file());
    first.stop();

    let second = Server::start(&folder);
    assert_eq!(second.out(), "");
    assert_eq!(second.login("admin@example.com", password).await.0, 200);
    assert!(!second.log().contains(password) && !second.log().contains("applying"), "{}", second.log());
    second.stop();
}

#[test]
fn a_log_for_machines_has_a_json_object_on_every_line_and_no_password() {
    let folder = Folder::new().with("APP_LOG__FORMAT", "json");
    let server = Server::start(&folder);
    let (out, log) = (server.out(), server.log());
    let password = password(&out).unwrap();
    assert!(!log.contains(password));
    for line in log.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(json["level"].is_string() && json["timestamp"].is_string(), "{line}");
    }
    server.stop();
}

async fn five_come_up(folder: Folder) {
    let mut servers: Vec<_> = (0..5).map(|_| Server::begin(&folder, &[])).collect();
    servers.iter_mut().for_each(Server::wait_until_it_listens);
    let outs: Vec<_> = servers.iter().map(Server::out).collect();
    let passwords: Vec<_> = outs.iter().filter_map(|out| password(out)).collect();
    assert_eq!(passwords.len(), 1, "one of them made the admin: {outs:?}");
    let mut keys = std::collections::BTreeSet::new();
    for server in &servers {
        let ready = server.get("/health/ready").send().await.unwrap();
        assert_eq!(ready.status().as_u16(), 200, "{}", ready.text().await.unwrap());
        keys.insert(server.get("/.well-known/jwks.json").send().await.unwrap().text().await.unwrap());
        assert_eq!(server.login("admin@example.com", passwords[0]).await.0, 200);
    }
    assert_eq!(keys.len(), 1, "they agree on their keys");
    servers.into_iter().for_each(Server::stop);
}

#[tokio::test]
async fn five_servers_that_start_at_once_all_come_up_on_sqlite() {
    postgres::count("sqlite");
    five_come_up(Folder::new()).await;
}

#[tokio::test]
async fn five_servers_that_start_at_once_all_come_up_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    five_come_up(Folder::new().with("APP_DATABASE__URL", database.url())).await;
}

#[tokio::test]
async fn elsewhere_than_in_dev_nothing_is_made_by_itself() {
    let folder = Folder::new().with("APP_ENV", "testing");
    let folder = folder.with("APP_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    folder.run("serve").fails(&["0001_users", "`stead migrate up`"]);
    folder.run("migrate up").expect(0);
    let server = Server::start(&folder);
    assert_eq!(server.out(), "");
    assert!(server.log().contains("there is no active admin"), "{}", server.log());
    assert!(!folder.path().join("data/secret_key").exists());
    server.stop();

    folder.run("user create ada@example.com --role admin").expect(0);
    let server = Server::start(&folder);
    assert!(server.log().contains("no admin is active yet"), "{}", server.log());
    server.stop();
    folder.feed("user set-password ada@example.com --password-stdin", "correct horse battery").expect(0);
    let server = Server::start(&folder);
    assert!(!server.log().contains("admin"), "{}", server.log());
    server.stop();
}

#[test]
fn what_is_printed_at_the_first_start_says_where_mail_goes() {
    for (url, told) in [
        ("smtps://ada:hunter2@mail.example.com", "by mail.example.com:465"),
        ("smtp://localhost:2525", "by localhost:2525"),
        ("file:data/letters", "into data/letters"),
        ("outbox:", "/dev/mail"),
    ] {
        let folder = Folder::new().with("APP_MAIL__URL", url);
        let server = Server::start(&folder);
        let out = server.out();
        let line = out.lines().find(|line| line.contains("Mail:")).unwrap_or_default();
        assert!(line.ends_with(told) && !out.contains("hunter2"), "{url}: {out}");
        server.stop();
    }
}
