//! Proof that no test made the server log a secret. With `STEAD_TEST_LOG` set to a file, everything that is
//! logged in this process goes there, at `trace`; every secret that a test handed over, or was handed, goes
//! to a file beside it. `cargo xtask ci` then looks for one in the other.

use std::collections::HashSet;
use std::env;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;

/// The members of bodies that are secrets.
const NAMES: [&str; 7] = [
    "password",
    "new_password",
    "current_password",
    "token",
    "access_token",
    "refresh_token",
    "device_token",
];

/// Whether it could be one: tests send all sorts of things in the place of a secret, ids and signatures that
/// are all zeros among them. Of long ones the end is looked for.
fn is_one(text: &str) -> bool {
    let letters = text.chars().rev().take(24).collect::<HashSet<_>>();
    text.len() >= 12 && letters.len() >= 6 && text.parse::<uuid::Uuid>().is_err()
}

/// Is in the log and among the secrets on purpose: a search that does not find it proves nothing.
const CANARY: &str = "canary-7c1f0b6e-not-a-secret";

static SECRETS: LazyLock<Option<Mutex<Secrets>>> = LazyLock::new(|| {
    let path = PathBuf::from(env::var_os("STEAD_TEST_LOG")?);
    let log = Mutex::new(File::create(&path).expect("the log can be written"));
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(log);
    subscriber.try_init().expect("there is no other subscriber");
    tracing::info!(canary = CANARY, "the log of the suite begins");
    let file = File::create(path.with_extension("secrets")).expect("the secrets can be written");
    let mut secrets = Secrets { file, known: HashSet::new() };
    secrets.add(CANARY);
    Some(Mutex::new(secrets))
});

struct Secrets {
    file: File,
    known: HashSet<String>,
}

impl Secrets {
    /// Writes it down as a string of JSON, once.
    fn add(&mut self, secret: &str) {
        if is_one(secret) && self.known.insert(secret.to_owned()) {
            writeln!(self.file, "{}", Value::from(secret)).expect("a secret is written down");
        }
    }
}

/// Begins the proof, if it is asked for.
pub fn begin() {
    LazyLock::force(&SECRETS);
}

/// Notes something that must be in no log.
pub fn secret(text: &str) {
    if let Some(secrets) = &*SECRETS {
        secrets.lock().unwrap_or_else(PoisonError::into_inner).add(text);
    }
}

/// Notes the secrets of a body.
pub fn body(bytes: &[u8]) {
    if SECRETS.is_some()
        && let Ok(body) = serde_json::from_slice::<Value>(bytes)
    {
        value(&body);
    }
}

/// Notes the secrets of a setting: the key, and the password in an address.
pub fn setting(path: &str, text: &str) {
    if path.starts_with("secret_key") {
        secret(text);
    }
    if let Ok(address) = url::Url::parse(text) {
        secret(address.password().unwrap_or_default());
    }
}

fn value(body: &Value) {
    match body {
        Value::Array(items) => items.iter().for_each(value),
        Value::Object(members) => members.iter().for_each(|(name, member)| match member {
            Value::String(text) if NAMES.contains(&name.as_str()) => secret(text),
            Value::String(text) if name == "link" => {
                secret(text.split_once("#token=").map_or("", |(_, token)| token));
            }
            other => value(other),
        }),
        _ => {}
    }
}
