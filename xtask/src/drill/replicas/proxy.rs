//! What lies between a server and its PostgreSQL, to be cut and mended.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// When the far end of a silent connection gives it up, by the keepalive that Stead asks PostgreSQL for.
const KEEPALIVE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Up,
    /// As a server that was stopped: connections end, and new ones are refused.
    Cut,
    /// As a firewall that wants nobody: connections are reset in the middle, and new ones are refused.
    Reset,
    /// As a network that loses everything: what is sent gets no answer, and nobody says so. What was
    /// connected by then never hears anything again, and neither does PostgreSQL, which keeps what it holds
    /// for it.
    Silent,
}

pub struct Proxy {
    pub address: SocketAddr,
    line: watch::Sender<Line>,
}

impl Proxy {
    pub async fn to(upstream: String) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (line, state) = watch::channel(Line::Up);
        tokio::spawn(serve(listener, upstream, state));
        Ok(Self { address, line })
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn serve(listener: TcpListener, upstream: String, mut line: watch::Receiver<Line>) -> Result<()> {
    let address = listener.local_addr()?;
    let mut listener = Some(listener);
    loop {
        if matches!(*line.borrow_and_update(), Line::Cut | Line::Reset) {
            listener = None;
            line.changed().await?;
            continue;
        }
        let open = match listener.take() {
            Some(open) => open,
            None => TcpListener::bind(address).await?,
        };
        tokio::select! {
            accepted = open.accept() => {
                tokio::spawn(carry(accepted?.0, upstream.clone(), line.clone()));
            }
            changed = line.changed() => changed?,
        }
        listener = Some(open);
    }
}

async fn carry(mut near: TcpStream, upstream: String, mut line: watch::Receiver<Line>) {
    let mut far = None;
    if *line.borrow_and_update() == Line::Up {
        let Ok(mut open) = TcpStream::connect(upstream).await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut open) => return,
            _ = line.changed() => far = Some(open),
        }
    }
    let line = *line.borrow();
    match line {
        Line::Reset => {
            for end in [Some(near), far].into_iter().flatten() {
                // Without it the end would be in order.
                _ = end.set_zero_linger();
            }
        }
        Line::Silent => {
            let forgotten = async {
                sleep(KEEPALIVE).await;
                drop(far);
            };
            let mut nowhere = sink();
            _ = tokio::join!(copy(&mut near, &mut nowhere), forgotten);
        }
        Line::Up | Line::Cut => {}
    }
}
