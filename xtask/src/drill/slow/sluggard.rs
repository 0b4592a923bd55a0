//! Connections that are held for as long as the server bears it, and made again when it does not.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::server::Server;

/// How a connection takes its time.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A header, a byte a second.
    Header,
    /// A body, a byte a second.
    Body,
    /// One request, and then none.
    Idle,
    /// The beginning of a handshake of TLS.
    Handshake,
    /// Nothing at all.
    Silent,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Body => "body",
            Self::Idle => "idle",
            Self::Handshake => "handshake",
            Self::Silent => "silent",
        }
    }

    /// What it sends at once.
    fn opening(self) -> &'static [u8] {
        match self {
            Self::Header => b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
            Self::Body => {
                b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n\
                  Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
            }
            Self::Idle => b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
            // A record that announces more than comes.
            Self::Handshake => &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3],
            Self::Silent => &[],
        }
    }

    fn trickles(self) -> bool {
        matches!(self, Self::Header | Self::Body | Self::Handshake)
    }
}

/// What has become of connections: by kind, and by the answer or its absence.
pub type Tally = BTreeMap<String, u64>;

/// All of them.
pub struct Crowd(Arc<Shared>);

struct Shared {
    address: SocketAddr,
    open: AtomicUsize,
    is_over: AtomicBool,
    home: Notify,
    tally: Mutex<Tally>,
}

impl Crowd {
    /// Connects so many, of each kind as many.
    pub async fn gather(server: &Server, kinds: &[Kind], connections: usize) -> Self {
        let shared = Arc::new(Shared {
            address: server.address(),
            open: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            home: Notify::new(),
            tally: Mutex::default(),
        });
        for (number, kind) in kinds.iter().cycle().take(connections).enumerate() {
            tokio::spawn(dawdle(*kind, home_of(number), shared.clone()));
            if number % 50 == 49 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        sleep(Duration::from_millis(500)).await;
        Self(shared)
    }

    /// How many are connected.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Nobody connects any more, and those who are connected wait for their end. What became of the others.
    pub fn retire(&self) -> Tally {
        self.0.is_over.store(true, Ordering::Relaxed);
        self.0.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those who are connected close.
    pub fn go_home(&self) {
        self.0.home.notify_waiters();
    }
}

/// Each comes from an address of its own: a server bounds what one of them may have on its way.
fn home_of(number: usize) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(number).unwrap_or_default().to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

async fn dawdle(kind: Kind, home: Ipv4Addr, shared: Arc<Shared>) {
    while !shared.is_over.load(Ordering::Relaxed) {
        let Ok(mut stream) = connect(home, shared.address).await else {
            shared.note(kind, "not connected");
            sleep(Duration::from_secs(1)).await;
            continue;
        };
        shared.open.fetch_add(1, Ordering::Relaxed);
        let end = tokio::select! {
            end = hold(kind, &mut stream) => Some(end),
            () = shared.home.notified() => None,
        };
        shared.open.fetch_sub(1, Ordering::Relaxed);
        let Some(end) = end else { return };
        shared.note(kind, &end);
        if end == "503" {
            // As it was told.
            drop(stream);
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Holds a connection until the server closes it; the status of its last answer, if there was one.
async fn hold(kind: Kind, stream: &mut TcpStream) -> String {
    if stream.write_all(kind.opening()).await.is_err() {
        return "closed".to_owned();
    }
    let mut last = String::from("closed");
    let mut bytes = [0; 4096];
    loop {
        match timeout(Duration::from_secs(1), stream.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return last,
            Ok(Ok(read)) => {
                let answer = String::from_utf8_lossy(&bytes[..read]);
                if let Some(status) = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)) {
                    last = status.to_owned();
                }
            }
            Err(_) if kind.trickles() && stream.write_all(b"a").await.is_err() => return last,
            Err(_) => {}
        }
    }
}

impl Shared {
    fn note(&self, kind: Kind, end: &str) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.entry(format!("ended_{}_{}", kind.name(), end.replace(' ', "_"))).or_default() += 1;
    }
}
