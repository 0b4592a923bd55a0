//! Error reports, as a server of Sentry's protocol receives them.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::program::Folder;
use crate::receiver::{Manner, Receiver};
use crate::server::Server;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn folder(receiver: &Receiver) -> Folder {
    let folder = Folder::new().with("APP_LOG__FORMAT", "json");
    folder.with("APP_TELEMETRY__SENTRY_DSN", format!("http://{KEY}@127.0.0.1:{}/42", receiver.port))
}

/// Somebody signed in, and how to ask for things.
struct Ada<'s> {
    server: &'s Server,
    pair: Value,
}

impl<'s> Ada<'s> {
    async fn on(server: &'s Server) -> Self {
        let url = format!("http://127.0.0.1:{}/api/v1/auth/register", server.port);
        let body = json!({"email": EMAIL, "password": PASSWORD});
        assert_eq!(Client::new().post(url).json(&body).send().await.unwrap().status(), 201);
        Self { server, pair: server.login(EMAIL, PASSWORD).await.1 }
    }

    /// Writes a note, which fails; gives the id of the request.
    async fn fails_to_write(&self) -> String {
        let url = format!("http://127.0.0.1:{}/api/v1/notes?q=planted-query", self.server.port);
        let request =
            Client::new().post(url).json(&json!({"title": "planted-title", "body": "planted-body"}));
        let request = request.header("user-agent", "planted-agent").header("cookie", "a=planted-cookie");
        let request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        let answer = request.bearer_auth(self.pair["access_token"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(answer.status(), 500);
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    }
}

/// Makes the database refuse every note, in words that quote somebody.
async fn break_notes(folder: &Folder) {
    let trigger = "CREATE TRIGGER broken BEFORE INSERT ON notes
                   BEGIN SELECT RAISE(ABORT, 'disk on fire near ada@example.com'); END";
    change(folder, trigger).await;
}

/// Makes it refuse them for another reason.
async fn break_otherwise(folder: &Folder) {
    change(folder, "DROP TRIGGER broken").await;
    let trigger = "CREATE TRIGGER other BEFORE INSERT ON notes
                   BEGIN SELECT RAISE(ABORT, 'disk under water'); END";
    change(folder, trigger).await;
}

async fn change(folder: &Folder, statement: &'static str) {
    let file = format!("sqlite://{}", folder.path().join("data/stead.db").display());
    let mut database = SqliteConnection::connect(&file).await.unwrap();
    database.execute(statement).await.unwrap();
}

/// The events among the envelopes that came: a line for the envelope, one for the item, and the item.
fn events(receiver: &Receiver) -> Vec<Value> {
    let envelopes = receiver.received("/api/42/envelope/").into_iter();
    let texts = envelopes.map(|body| String::from_utf8(body.to_vec()).unwrap());
    texts
        .filter_map(|text| {
            let lines: Vec<_> = text.lines().collect();
            let kind: Value = serde_json::from_str(lines[1]).unwrap();
            (kind["type"] == "event").then(|| serde_json::from_str(lines[2]).unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_error_of_ours_is_one_report_that_says_nothing_of_anyone() {
    let receiver = Receiver::start(Manner::Keeps);
    let folder = folder(&receiver);
    let server = Server::start(&folder);
    let ada = Ada::on(&server).await;
    break_notes(&folder).await;
    let request_id = ada.fails_to_write().await;
    // An error of the caller's is not reported.
    assert_eq!(server.login(EMAIL, "not the password").await.0, 401);
    let (pair, log) = (ada.pair, server.log());
    server.stop();

    let [event] = &events(&receiver)[..] else { panic!("one report: {:?}", events(&receiver)) };
    for (at, value) in [
        ("/tags/request_id", request_id.as_str()),
        ("/tags/route", "/api/v1/notes"),
        ("/tags/method", "POST"),
        ("/tags/status", "500"),
        ("/tags/code", "internal_error"),
        ("/transaction", "/api/v1/notes"),
        ("/release", concat!("stead@", env!("CARGO_PKG_VERSION"))),
        ("/environment", "dev"),
        ("/contexts/trace/trace_id", TRACE),
        ("/exception/values/0/type", "internal_error"),
    ] {
        assert_eq!(event.pointer(at).and_then(Value::as_str), Some(value), "{at} in {event:#}");
    }
    let cause = event.pointer("/exception/values/0/value").unwrap().as_str().unwrap();
    assert!(cause.contains("the database call failed") && cause.contains("disk on fire"), "{cause}");
    let told = event.to_string();
    let tokens = ["access_token", "refresh_token"].map(|token| pair[token].as_str().unwrap());
    let planted = ["planted", "ada@", PASSWORD, "127.0.0.1", pair["user"]["id"].as_str().unwrap()];
    for secret in planted.into_iter().chain(tokens) {
        assert!(!told.contains(secret), "{secret} in {event:#}");
    }
    assert!(log.contains(&request_id) && !log.contains(KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_takes_reports_and_never_answers_holds_nobody_up() {
    let receiver = Receiver::start(Manner::Hangs);
    let folder = folder(&receiver);
    let server = Server::start(&folder);
    let ada = Ada::on(&server).await;
    break_notes(&folder).await;
    let begun = Instant::now();
    for _ in 0..200 {
        ada.fails_to_write().await;
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dsn_that_is_none_stops_the_start_and_is_not_shown() {
    let folder = Folder::new().with("APP_TELEMETRY__SENTRY_DSN", format!("https://{KEY}@example.com"));
    let refused = folder.run("serve").fails(&["telemetry.sentry_dsn", "is not a DSN"]);
    assert!(!refused.stderr.contains(KEY), "{}", refused.stderr);
    let folder = Folder::new().with("APP_TELEMETRY__SENTRY_DSN", format!("https://{KEY}@example.com/42"));
    assert!(!folder.run("config show").expect(0).stdout.contains(KEY));
}

/// What the log says of reports that were not sent.
fn told(log: &str) -> u64 {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told = lines.filter(|line| line["message"] == "error reports were not sent");
    told.map(|line| line["reports"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whatever_is_not_sent_is_counted_and_told() {
    const FAILURES: u64 = 100;
    for manner in [Manner::Keeps, Manner::Fails, Manner::Hangs] {
        let receiver = Receiver::start(manner);
        let folder = folder(&receiver);
        let mut server = Server::start(&folder);
        let ada = Ada::on(&server).await;
        break_notes(&folder).await;
        for _ in 0..FAILURES {
            ada.fails_to_write().await;
        }
        break_otherwise(&folder).await;
        ada.fails_to_write().await;
        server.signal("-TERM");
        assert!(server.ended_within(Duration::from_secs(10)).unwrap().success());
        let not_sent = told(&server.log());
        if let Manner::Keeps = manner {
            let events = events(&receiver);
            assert_eq!((events.len(), not_sent), (11, FAILURES - 10), "ten of the one, one of the other");
            let kept_back = events.iter().filter_map(|event| event.pointer("/extra/kept_back")?.as_u64());
            assert_eq!(kept_back.sum::<u64>(), FAILURES - 10);
        } else {
            assert_eq!(not_sent, FAILURES + 1, "{}", server.log());
            let is_told = server.log().contains("the answer was 500");
            assert_eq!(is_told, matches!(manner, Manner::Fails), "{}", server.log());
        }
    }
}
