//! Whether the server does what its OpenAPI document says, and nothing else, under many questions.

use std::path::Path;

use anyhow::Result;

use super::{Context, Drill, Findings, Part};
use crate::place::Place;
use crate::schemathesis::{self, Effort};
use crate::server;

pub const DRILL: Drill = Drill {
    name: "openapi",
    about: "the server by what its document says: many cases, from a user and an admin",
    parts: &[Part { about: "on SQLite", run: on_sqlite }, Part { about: "on PostgreSQL", run: on_postgres }],
};

fn on_sqlite(context: &Context) -> Result<Findings> {
    ask(context, &server::build(context.profile)?, Place::sqlite()?)
}

fn on_postgres(context: &Context) -> Result<Findings> {
    let binary = server::build(context.profile)?;
    match super::postgres(context, &binary)? {
        Some(place) => ask(context, &binary, place),
        None => Ok(Findings::skipped("no PostgreSQL")),
    }
}

fn ask(context: &Context, binary: &Path, place: Place) -> Result<Findings> {
    // The short form only shows that the drill works: the stage `schemathesis` has asked already.
    let effort = Effort { examples: if context.short { 1 } else { 500 }, seed: context.seed };
    let mut findings = Findings::default();
    for outcome in schemathesis::test(binary, place, &effort)? {
        findings.figure(&format!("{}_cases", outcome.caller), outcome.cases);
        findings.figure(&format!("{}_findings", outcome.caller), outcome.findings);
        let what = format!("{} findings with the token of: {}", outcome.findings, outcome.caller);
        findings.promise(outcome.findings == 0, what);
    }
    Ok(findings)
}
