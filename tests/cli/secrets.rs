//! What must be in no log and in no copy of the database: everything that opens an account.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::postgres;
use crate::program::Folder;
use crate::server::Server;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const PASSWORDS: [&str; 4] = [
    "correct horse battery staple",
    "seven purple otters dance",
    "nine silent herons at dusk",
    "a wrong guess of no account",
];
const EMAIL: &str = "ada@example.com";

/// Somebody who goes through everything, and remembers what they were given.
struct Ada<'s> {
    server: &'s Server,
    secrets: Vec<String>,
    pair: Value,
}

impl Ada<'_> {
    async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("http://127.0.0.1:{}{path}", self.server.port);
        let mut request = Client::new().request(method, url).json(&body);
        if let Some(token) = self.pair["access_token"].as_str() {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(Method::POST, path, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// Takes a token pair into use.
    fn takes(&mut self, pair: Value) {
        for name in ["access_token", "refresh_token", "device_token"] {
            self.secrets.extend(pair[name].as_str().map(str::to_owned));
        }
        self.pair = pair;
    }

    async fn signs_in(&mut self, password: &str) {
        let pair = self.post("/api/v1/auth/login", json!({"email": EMAIL, "password": password})).await;
        self.takes(pair);
    }

    /// The token in the newest mail to an address.
    async fn mailed(&mut self, email: &str) -> String {
        let (_, mailbox) = self.ask(Method::GET, "/dev/mail", Value::Null).await;
        let mails = mailbox["items"].as_array().unwrap();
        let link = mails.iter().find(|mail| mail["to"] == email).unwrap()["link"].as_str().unwrap();
        let token = link.split_once("#token=").unwrap().1.to_owned();
        self.secrets.push(token.clone());
        token
    }

    async fn goes_through_everything(&mut self) {
        let [first, second, third, wrong] = PASSWORDS;
        self.post("/api/v1/auth/register", json!({"email": EMAIL, "password": first})).await;
        self.mailed(EMAIL).await;
        self.signs_in(first).await;
        let refused =
            self.ask(Method::POST, "/api/v1/auth/login", json!({"email": EMAIL, "password": wrong})).await;
        assert_eq!(refused.0, 401);
        let spent = self.pair["refresh_token"].clone();
        let pair = self.post("/api/v1/auth/refresh", json!({"refresh_token": spent})).await;
        self.takes(pair);
        let change = json!({"current_password": first, "new_password": second});
        self.post("/api/v1/auth/password/change", change).await;
        self.signs_in(second).await;
        self.post("/api/v1/auth/password/forgot", json!({"email": EMAIL})).await;
        let token = self.mailed(EMAIL).await;
        self.post("/api/v1/auth/password/reset", json!({"token": token, "new_password": third})).await;
        self.signs_in(third).await;
        let change = json!({"password": third, "new_email": "new@example.com"});
        self.post("/api/v1/auth/email/change", change).await;
        self.mailed("new@example.com").await;
        // What cannot be read must not be told in the log either.
        let broken = format!(r#"{{"email": "{EMAIL}", "password": "{third}", "#);
        let url = format!("http://127.0.0.1:{}/api/v1/auth/login", self.server.port);
        let request = Client::new().post(url).header("content-type", "application/json").body(broken);
        assert_eq!(request.send().await.unwrap().status(), 400);
    }
}

/// The spellings in which a secret could lie somewhere: as it is, as the bytes it stands for, and both in
/// hex, in which PostgreSQL writes bytes.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let random = secret.rsplit(['_', '.']).next().unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(random).or_else(|_| STANDARD.decode(secret)).unwrap_or_default();
    let plain = [secret.as_bytes().to_vec(), random.as_bytes().to_vec(), bytes];
    let plain: Vec<_> = plain.into_iter().filter(|spelling| spelling.len() > 8).collect();
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let in_hex: Vec<_> = plain.iter().map(|bytes| hex(bytes).into_bytes()).collect();
    [plain, in_hex].concat()
}

#[track_caller]
fn has_none(place: &str, content: &[u8], secrets: &[String]) {
    for secret in secrets {
        for spelling in spellings(secret) {
            let found = content.windows(spelling.len()).any(|window| window == spelling);
            assert!(!found, "{secret} lies in {place} as {:?}", String::from_utf8_lossy(&spelling));
        }
    }
}

/// Every row of every table as PostgreSQL writes it.
async fn dump(url: &str) -> Vec<u8> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables = sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await.unwrap();
    assert!(tables.len() > 8, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let rows = AssertSqlSafe(format!(r#"SELECT t::text FROM "{table}" AS t"#));
        for row in sqlx::query(rows).fetch_all(&mut connection).await.unwrap() {
            all.push_str(row.get::<&str, _>(0));
            all.push('\n');
        }
    }
    all.into_bytes()
}

async fn nothing_is_left_in_clear(folder: Folder, database: Option<&str>) {
    let folder = folder.with("APP_SECRET_KEY", KEY).with("APP_LOG__LEVEL", "trace");
    let server = Server::start(&folder);
    let mut ada = Ada { server: &server, secrets: Vec::new(), pair: Value::Null };
    ada.goes_through_everything().await;
    let mut secrets = ada.secrets;
    assert!(secrets.len() > 12, "{secrets:?}");
    secrets.extend(PASSWORDS.map(str::to_owned));
    secrets.push(KEY.to_owned());

    let log = server.log();
    assert!(
        log.contains("sqlx::query") && log.contains("/api/v1/auth/password/reset"),
        "it is the whole log"
    );
    has_none("the log", log.as_bytes(), &secrets);
    // Running, so that SQLite's write-ahead log is there, too.
    let content = match database {
        Some(url) => dump(url).await,
        None => {
            let file = |name: &str| fs::read(folder.path().join("data").join(name)).unwrap();
            [file("stead.db"), file("stead.db-wal")].concat()
        }
    };
    let is_there = content.windows(EMAIL.len()).any(|window| window == EMAIL.as_bytes());
    assert!(is_there, "it is the whole database");
    has_none("the database", &content, &secrets);
    server.stop();
}

#[tokio::test]
async fn no_log_and_no_copy_of_the_database_holds_a_secret_in_clear_on_sqlite() {
    postgres::count("sqlite");
    nothing_is_left_in_clear(Folder::new(), None).await;
}

#[tokio::test]
async fn no_log_and_no_copy_of_the_database_holds_a_secret_in_clear_on_postgres() {
    let Some(database) = postgres::fresh_database(async |_| Ok::<_, String>(())).await else { return };
    let url = database.url().to_owned();
    nothing_is_left_in_clear(Folder::new().with("APP_DATABASE__URL", &url), Some(&url)).await;
}
