//! `stead healthcheck`: for images without a shell or a client.

use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::context::block_on;
use super::failure::Failure;
use crate::config::Config;

#[derive(Args)]
#[command(after_help = "Example: stead healthcheck && echo ready")]
pub struct Healthcheck {}

const PATIENCE: Duration = Duration::from_secs(3);

impl Healthcheck {
    pub fn run(self, config: &Config) -> Result<(), Failure> {
        let address = config.server.management_address;
        block_on(async {
            let asked = tokio::time::timeout(PATIENCE, status_line(address)).await;
            let line = asked.map_err(|_| format!("no answer from {address} within {PATIENCE:?}"))?;
            let line = line.map_err(|error| format!("no answer from {address}: {error}"))?;
            if line.contains(" 200") { Ok(()) } else { Err(format!("not ready: {line}").into()) }
        })
    }
}

/// One request by hand: a client library would be more than the question.
async fn status_line(address: std::net::SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer).await?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
