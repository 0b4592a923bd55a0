//! All three servers are replaced, one after the other, while requests come.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::haproxy::{Haproxy, NOTICED};
use crate::drill::client::Client;
use crate::drill::figures::{milliseconds, spread};
use crate::drill::people::join;
use crate::drill::stage::{PATIENCE, Stage};
use crate::drill::traffic::{Traffic, Ways};
use crate::drill::{Context, Findings};
use crate::server::Server;

/// What a server is given to be looked at twice as one that is about to end.
pub(super) const DRAIN_DELAY: &str = "2s";

pub(super) async fn restart(context: &Context, stage: &mut Stage, findings: &mut Findings) -> Result<()> {
    let balancer = Haproxy::before(&stage.servers, stage.place.folder())?;
    let ways = Ways::to(balancer.url())?;
    let person = join(ways.anew(), "somebody@example.com").await?;
    let traffic = Traffic::start(move |_| Some(ways.clone()), person.tokens.access);
    let (mut exits, mut starts) = (Vec::new(), Vec::new());
    let rounds = if context.short { 1 } else { 20 };
    for _ in 0..rounds {
        for _ in 0..stage.servers.len() {
            // The next is not begun before the balancer has the one before it again.
            sleep(NOTICED).await;
            let (exit, start) = replace(stage)?;
            exits.push(milliseconds(exit));
            starts.push(milliseconds(start));
        }
    }
    sleep(NOTICED).await;
    traffic.end(findings).await?;
    findings.figure("rounds", rounds);
    spread(findings, "exit_ms", exits);
    spread(findings, "start_ms", starts);
    Ok(())
}

/// Ends the server that has run for longest, and starts another at its address. This blocks no one but the
/// drill: those who ask have threads of their own.
fn replace(stage: &mut Stage) -> Result<(Duration, Duration)> {
    let old = stage.servers.remove(0);
    stage.clients.remove(0);
    let port = old.address().port();
    let exit = old.stop(PATIENCE)?;
    let begun = Instant::now();
    let mut new = Server::start_at(&stage.binary, &stage.place, &[], port)?;
    new.wait_for("/health/ready", PATIENCE)?;
    stage.clients.push(Client::new(new.url(), &stage.faults)?);
    stage.servers.push(new);
    Ok((exit, begun.elapsed()))
}
