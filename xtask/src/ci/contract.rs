//! The OpenAPI document: well-formed, and true of the server.

use std::fs;

use anyhow::{Result, ensure};

use super::outcome::Outcome;
use crate::place::Place;
use crate::process;
use crate::schemathesis::{self, Effort};
use crate::server::{self, Profile};

/// `stead openapi` by somebody else's reading of the standard.
pub fn validate() -> Result<Outcome> {
    let binary = server::build(Profile::Dev)?;
    let place = Place::sqlite()?;
    let document = process::output(place.command(&binary).arg("openapi"))?;
    let file = place.folder().join("openapi.json");
    fs::write(&file, document)?;
    process::run(process::command("openapi-spec-validator").arg(&file))?;
    Ok(Outcome::Passed)
}

/// The server by what its document says, always with the same questions; the drill `openapi` asks
/// others.
pub fn fuzz() -> Result<Outcome> {
    let binary = server::build(Profile::Dev)?;
    let places = Place::all(&binary)?;
    let (databases, mut findings) = (places.len(), 0);
    for place in places {
        let outcomes = schemathesis::test(&binary, place, &Effort { examples: 25, seed: 1 })?;
        findings += outcomes.iter().map(|outcome| outcome.findings).sum::<u64>();
    }
    ensure!(findings == 0, "schemathesis found {findings} faults in the server or its document");
    Ok(Outcome::on_databases(databases))
}
