//! Those who have accounts on a server under drill.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::client::{Answer, Call, Client};

pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody with an account and a session.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub password: String,
    pub tokens: Tokens,
}

/// One answer of login or refresh.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub device: String,
}

impl Tokens {
    pub fn of(answer: &Answer) -> Result<Self> {
        Ok(Self {
            access: answer.text("access_token")?,
            refresh: answer.text("refresh_token")?,
            device: answer.text("device_token")?,
        })
    }
}

pub fn registration(email: &str, password: &str) -> Call {
    Call::post("auth/register").with(json!({ "email": email, "password": password }))
}

pub fn login(email: &str, password: &str) -> Call {
    Call::post("auth/login").with(json!({ "email": email, "password": password }))
}

pub fn refresh(token: &str) -> Call {
    Call::post("auth/refresh").with(json!({ "refresh_token": token }))
}

pub fn me(access: &str) -> Call {
    Call::get("users/me").by(access)
}

/// Registers where no address needs to be verified, and signs in.
pub async fn join(client: &Client, email: &str) -> Result<Person> {
    client.send(registration(email, PASSWORD)).await?.expect(201)?;
    sign_in(client, email, PASSWORD).await
}

pub async fn sign_in(client: &Client, email: &str, password: &str) -> Result<Person> {
    let answer = client.send(login(email, password)).await?.expect(200)?;
    let id = answer.body["user"]["id"].as_str().unwrap_or_default().to_owned();
    let (email, password) = (email.to_owned(), password.to_owned());
    Ok(Person { id, email, password, tokens: Tokens::of(&answer)? })
}

/// The token in the newest mail to an address that has one, of the link that opens this page.
pub async fn mailed_token(client: &Client, email: &str, page: &str) -> Result<String> {
    let (begun, opening) = (Instant::now(), format!("/{page}#token="));
    loop {
        let mailbox = client.send(Call::get("/dev/mail")).await?.expect(200)?;
        let token = mailbox.body["items"].as_array().into_iter().flatten().find_map(|mail: &Value| {
            let link = mail["link"].as_str().filter(|_| mail["to"] == email)?;
            Some(link.split_once(&opening)?.1.to_owned())
        });
        if let Some(token) = token {
            return Ok(token);
        }
        ensure!(begun.elapsed() < Duration::from_secs(5), "no mail with {opening} came to {email}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Asks every server until each refuses this access token, as they must within a second; `Some` is the
/// time that took, `None` means that one still believed it after two.
pub async fn time_until_refused(clients: &[Client], access: &str) -> Result<Option<Duration>> {
    let begun = Instant::now();
    for client in clients {
        loop {
            let asked = begun.elapsed();
            if client.send(me(access)).await?.status == 401 {
                break;
            }
            if asked > Duration::from_secs(2) {
                return Ok(None);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(Some(begun.elapsed()))
}
