//! A person's first minutes with the server, without the person: on each database, by `curl`, and
//! with tokens that somebody else's library checks.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::outcome::Outcome;
use crate::curl::Call;
use crate::place::Place;
use crate::process;
use crate::server::{self, Profile, Server};

const PATIENCE: Duration = Duration::from_secs(30);

pub fn run() -> Result<Outcome> {
    let binary = server::build(Profile::Dev)?;
    let places = Place::all(&binary)?;
    for place in &places {
        println!("on {}:", place.name);
        first_minutes(&binary, place).with_context(|| format!("on {}", place.name))?;
    }
    Ok(Outcome::on_databases(places.len()))
}

fn first_minutes(binary: &Path, place: &Place) -> Result<()> {
    let mut server = Server::start(binary, place)?;
    println!("  live after {:.1?}", server.wait_for("/health/live", PATIENCE)?);
    server.wait_for("/health/ready", PATIENCE)?;
    for path in ["/openapi.json", "/docs"] {
        let (status, _) = server.get(path)?;
        ensure!(status == 200, "{path} answers {status}");
    }
    sign_in_and_out(&server.url())?;
    println!("  stopped after {:.1?}", server.stop(PATIENCE)?);
    Ok(())
}

fn sign_in_and_out(url: &str) -> Result<()> {
    let me = |token: &str| Call::to("GET", "/api/v1/users/me").by(token).send(url);
    let refresh = |token: &str| {
        Call::to("POST", "/api/v1/auth/refresh").with(&json!({ "refresh_token": token })).send(url)
    };
    let (email, password) = ("ada@example.com", "correct horse battery staple");

    Call::to("GET", "/api/v1/users/me").send(url)?.refused(401, "unauthenticated")?;
    let newcomer = json!({ "email": email, "password": password, "display_name": "Ada Lovelace" });
    Call::to("POST", "/api/v1/auth/register").with(&newcomer).send(url)?.expect(201)?;
    let wrong = json!({ "email": email, "password": "correct horse battery stable" });
    Call::to("POST", "/api/v1/auth/login").with(&wrong).send(url)?.refused(401, "invalid_credentials")?;
    let right = json!({ "email": email, "password": password });
    let first = Call::to("POST", "/api/v1/auth/login").with(&right).send(url)?.expect(200)?;
    let (access, used) = (first.text("access_token")?, first.text("refresh_token")?);
    ensure!(me(&access)?.expect(200)?.text("email")? == email, "/users/me is somebody else");
    check_token(url, &access)?;

    let second = refresh(&used)?.expect(200)?;
    let (newer, unused) = (second.text("access_token")?, second.text("refresh_token")?);
    me(&newer)?.expect(200)?;
    let again = refresh(&used)?.expect(200)?.text("refresh_token")?;
    ensure!(again == unused, "a refresh whose answer was lost gets another successor");

    Call::to("POST", "/api/v1/auth/logout").by(&newer).send(url)?.expect(204)?;
    me(&newer)?.refused(401, "invalid_token")?;
    me(&access)?.refused(401, "invalid_token")?;
    refresh(&unused)?.refused(401, "invalid_refresh_token")
}

/// What another service would do with a token: it has our address, and a library for JWTs.
fn check_token(url: &str, token: &str) -> Result<()> {
    let mut check = process::command("python");
    process::feed(check.args(["scripts/check-tokens.py", url]), token)
        .context("the token or the key set is not as another library expects")
}
