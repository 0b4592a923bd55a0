//! A person's first minute with the server, without the person.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::stages::Outcome;
use crate::server::{self, Profile, Server};

pub fn run() -> Result<Outcome> {
    let binary = server::build(Profile::Dev)?;
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(&binary, folder.path())?;
    let live = server.wait_for("/health/live", Duration::from_secs(30))?;
    println!("live after {live:.1?}");
    server.wait_for("/health/ready", Duration::from_secs(30))?;
    for path in ["/openapi.json", "/docs"] {
        let (status, _) = server.get(path)?;
        ensure!(status == 200, "{path} answers {status}");
        println!("{path} answers 200");
    }
    let (status, body) = server.get("/api/v1/users/me")?;
    ensure!(status == 401 && body.contains("unauthenticated"), "a stranger gets {status}: {body}");
    println!("stopped after {:.1?}", server.stop(Duration::from_secs(30))?);
    Ok(Outcome::Passed)
}
