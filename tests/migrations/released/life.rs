//! What people did before a release, and go on with after the next: something in every table.

use std::time::Duration;

use axum::extract::FromRef;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stead::access::principal::Actor;
use stead::base::clock::Timestamp;
use stead::base::secret::Password;
use stead::features::users::service::{NewUser, Users};
use stead::tasks::lease::{HolderId, Lease};

use super::client::Client;

/// When these lives begin.
pub const BEGUN: &str = "2030-01-01T08:00:00Z";

const PASSWORD: &str = "correct horse battery staple";
const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const ROBERT: &str = "robert@example.com";
const ROOT: &str = "root@example.com";
const SECOND: Duration = Duration::from_secs(1);

/// What is needed to go on.
#[derive(Serialize, Deserialize)]
pub struct Left {
    /// When it was left.
    pub at: Timestamp,
    refresh_token: String,
    /// A link that was mailed and not followed yet.
    reset_token: String,
    note: Value,
}

impl Left {
    /// From the first line of a file.
    pub fn read(text: &str) -> Self {
        let line = text.lines().next().and_then(|line| line.strip_prefix("-- "));
        serde_json::from_str(line.expect("a first line that says what is left")).unwrap()
    }
}

fn credentials(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The token in the newest mail to an address that has one.
async fn mailed(client: &Client, email: &str) -> String {
    let mailbox = client.ask("GET /dev/mail", None, Value::Null, 200).await;
    let mails = mailbox["items"].as_array().unwrap().iter().filter(|mail| mail["to"] == email);
    let token = mails.filter_map(|mail| mail["link"].as_str()?.split_once("#token=")).next();
    token.unwrap_or_else(|| panic!("no token for {email}: {mailbox}")).1.to_owned()
}

async fn join(client: &Client, email: &str) -> Value {
    client.ask("POST /api/v1/auth/register", None, credentials(email, PASSWORD), 201).await;
    client.ask("POST /api/v1/auth/login", None, credentials(email, PASSWORD), 200).await
}

pub async fn lived(client: &Client) -> Left {
    let clock = client.app.state.clock.clone();
    let ada = join(client, ADA).await;
    client.ask("POST /api/v1/auth/login", None, credentials(ADA, "not hers"), 401).await;
    let refresh = json!({"refresh_token": ada["refresh_token"]});
    let ada = client.ask("POST /api/v1/auth/refresh", None, refresh, 200).await;
    let token = text(&ada["access_token"]);
    let note = json!({"title": "Bread", "body": "and butter"});
    let note = client.ask_keyed("POST /api/v1/notes", Some(&token), "kept", note, 201).await;

    administer(client, &text(&ada["user"]["id"])).await;
    clock.advance(SECOND);
    client.ask("POST /api/v1/auth/password/forgot", None, json!({"email": ADA}), 202).await;
    let reset_token = mailed(client, ADA).await;

    // Bob has another address by now, and a way back to the first.
    let bob = text(&join(client, BOB).await["access_token"]);
    clock.advance(SECOND);
    let change = json!({"password": PASSWORD, "new_email": ROBERT});
    client.ask("POST /api/v1/auth/email/change", Some(&bob), change, 202).await;
    let verification = json!({"token": mailed(client, ROBERT).await});
    client.ask("POST /api/v1/auth/email/verify", Some(&bob), verification, 204).await;
    Left { at: clock.now(), refresh_token: text(&ada["refresh_token"]), reset_token, note }
}

/// A role that Ada holds, and a lease.
async fn administer(client: &Client, ada: &str) {
    let state = &client.app.state;
    let root = NewUser {
        email: ROOT.parse().unwrap(),
        password: Some(Password::new(PASSWORD.into())),
        display_name: None,
        locale: None,
        roles: ["admin".into()].into(),
    };
    Users::from_ref(state).create(root, Actor::OPERATOR).await.unwrap();
    let root = client.ask("POST /api/v1/auth/login", None, credentials(ROOT, PASSWORD), 200).await;
    let root = text(&root["access_token"]);
    let role = json!({"name": "reader", "description": "Reads", "permissions": ["users:read"]});
    client.ask("POST /api/v1/roles", Some(&root), role, 201).await;
    let roles = json!({"roles": ["user", "reader"]});
    client.ask(&format!("PUT /api/v1/users/{ada}/roles"), Some(&root), roles, 200).await;
    let holder = HolderId::fresh(&state.clock, &state.random);
    Lease::take(&state.db, "users", holder, state.clock.now(), SECOND).await.unwrap().unwrap();
}

pub async fn goes_on(client: &Client, left: &Left) {
    let refresh = json!({"refresh_token": left.refresh_token});
    let ada = client.ask("POST /api/v1/auth/refresh", None, refresh, 200).await;
    let token = text(&ada["access_token"]);
    let me = client.ask("GET /api/v1/users/me", Some(&token), Value::Null, 200).await;
    assert_eq!(me["email"], ADA);
    assert!(me["roles"].as_array().unwrap().contains(&"reader".into()), "{me}");
    let found = client.ask("GET /api/v1/users?q=robert", Some(&token), Value::Null, 200).await;
    assert_eq!(found["items"][0]["email"], ROBERT, "she may read accounts, and they are found");

    let notes = client.ask("GET /api/v1/notes", Some(&token), Value::Null, 200).await;
    assert_eq!(notes["items"][0]["id"], left.note["id"]);
    let again = json!({"title": "Bread", "body": "and butter"});
    let again = client.ask_keyed("POST /api/v1/notes", Some(&token), "kept", again, 201).await;
    assert_eq!(again["id"], left.note["id"], "what was sent before happens once");

    client.ask("POST /api/v1/auth/login", None, credentials(ADA, PASSWORD), 200).await;
    client.ask("POST /api/v1/auth/login", None, credentials(ROOT, PASSWORD), 200).await;
    client.ask("POST /api/v1/auth/login", None, credentials(BOB, PASSWORD), 401).await;
    let reset = json!({"token": left.reset_token, "new_password": "seven purple otters dance"});
    client.ask("POST /api/v1/auth/password/reset", None, reset, 200).await;
    client.ask("POST /api/v1/auth/login", None, credentials(ADA, "seven purple otters dance"), 200).await;
}
