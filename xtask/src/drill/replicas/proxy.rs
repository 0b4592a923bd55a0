//! What lies between a server and its PostgreSQL, to be cut and mended.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Up,
    /// As a server that was stopped: connections end, and new ones are refused.
    Cut,
    /// As a network that loses everything: what is sent gets no answer, and nobody says so. What was
    /// connected by then never hears anything again.
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
        if *line.borrow_and_update() == Line::Cut {
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
    if *line.borrow_and_update() == Line::Up {
        let Ok(mut far) = TcpStream::connect(upstream).await else { return };
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => return,
            _ = line.changed() => {}
        }
    }
    if *line.borrow() == Line::Silent {
        std::future::pending::<()>().await;
    }
}
