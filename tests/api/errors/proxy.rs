//! What lies between a server and its PostgreSQL, to be cut and mended.

use std::net::SocketAddr;

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
    pub async fn to(upstream: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (line, state) = watch::channel(Line::Up);
        tokio::spawn(serve(listener, upstream, state));
        Self { address, line }
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

async fn serve(listener: TcpListener, upstream: String, mut line: watch::Receiver<Line>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    loop {
        if *line.borrow_and_update() == Line::Cut {
            listener = None;
            if line.changed().await.is_err() {
                return;
            }
            continue;
        }
        if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.unwrap());
        }
        let Some(open) = &listener else { continue };
        tokio::select! {
            accepted = open.accept() => {
                tokio::spawn(carry(accepted.unwrap().0, upstream.clone(), line.clone()));
            }
            changed = line.changed() => if changed.is_err() { return },
        }
    }
}

async fn carry(mut near: TcpStream, upstream: String, mut line: watch::Receiver<Line>) {
    if *line.borrow_and_update() == Line::Up {
        let mut far = TcpStream::connect(upstream).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => return,
            _ = line.changed() => {}
        }
    }
    if *line.borrow() == Line::Silent {
        std::future::pending::<()>().await;
    }
}
