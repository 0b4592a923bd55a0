//! Floor 5: the listeners. Connections come in, requests go to a router, and nobody can hold a connection
//! for longer than it is used.

mod activity;
mod answer;
mod connection;
mod crowd;
mod descriptors;
mod held;
mod service;
#[cfg(test)]
mod tests;
pub mod tls;
mod watched;

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use self::connection::Terms;
pub use self::crowd::Crowd;
use self::crowd::{Member, Order};
pub use self::descriptors::{connections, raise_limit};
use self::tls::Tls;
use crate::tasks::Tasks;

/// One listener, and what it serves.
pub struct Server {
    pub listener: TcpListener,
    pub router: Router,
    /// `None`: clear text.
    pub tls: Option<Tls>,
    /// Who is connected to it.
    pub crowd: Crowd,
    /// The times of a connection are parts of that of a request.
    pub request_timeout: Duration,
}

/// How long to wait when the system has no descriptor or no memory for another connection.
const BREATH: Duration = Duration::from_millis(100);
/// How often to say the same trouble again.
const SAID: Duration = Duration::from_secs(60);

impl Server {
    /// Serves until the shutdown begins, then until the requests under way are answered.
    pub async fn run(self, tasks: Tasks) {
        let terms = Arc::new(Terms::of(self.request_timeout));
        let open = TaskTracker::new();
        let mut trouble = Trouble::default();
        tokio::select! {
            () = tasks.stopping() => {}
            () = async {
                tasks.draining().await;
                self.crowd.tell(Order::Drain);
                std::future::pending().await
            } => {}
            () = async {
                loop {
                    match self.listener.accept().await {
                        Ok((stream, peer)) => {
                            let member = self.room_for(peer, &mut trouble).await;
                            self.welcome(stream, peer, member, &terms, &open);
                        }
                        Err(error) => self.bear(error, &mut trouble).await,
                    }
                }
            } => {}
        }
        // Who was already in the queue would else be told that nobody is here.
        if let Ok(queue) = self.listener.as_fd().try_clone_to_owned().map(std::net::TcpListener::from) {
            while let Ok((stream, peer)) = queue.accept() {
                let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                stream
                    .map(|stream| self.welcome(stream, peer, self.crowd.join(peer.ip()), &terms, &open))
                    .ok();
            }
        }
        drop(self.listener);
        self.crowd.tell(Order::Stop);
        open.close();
        open.wait().await;
    }

    /// A place in the crowd, for which somebody idle may have to leave. Where nobody is idle, this one waits.
    async fn room_for(&self, peer: SocketAddr, trouble: &mut Trouble) -> Member {
        while self.crowd.is_full() {
            if !self.crowd.dismiss_one() {
                trouble.say(|| tracing::warn!(%peer, open = self.crowd.open(), "all connections are in use; more have to wait"));
            }
            // Who was asked to leave may have got a request in that moment, and stays.
            _ = timeout(BREATH, self.crowd.departure()).await;
        }
        self.crowd.join(peer.ip())
    }

    fn welcome(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        member: Member,
        terms: &Arc<Terms>,
        open: &TaskTracker,
    ) {
        // Small answers leave at once; where that cannot be had they leave a little later.
        _ = stream.set_nodelay(true);
        let (router, tls, terms) = (self.router.clone(), self.tls.clone(), terms.clone());
        open.spawn(async move {
            match tls {
                None => connection::converse(stream, peer, router, &member, &terms).await,
                Some(tls) => {
                    if let Some(stream) = connection::greet(&tls, stream, &member, &terms).await {
                        connection::converse(stream, peer, router, &member, &terms).await;
                    }
                }
            }
        });
    }

    /// A connection that broke before it was taken is nothing; a lack of descriptors or memory passes when
    /// somebody leaves.
    async fn bear(&self, error: std::io::Error, trouble: &mut Trouble) {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
            return;
        }
        trouble.say(|| tracing::error!(%error, open = self.crowd.open(), "a connection cannot be taken"));
        self.crowd.dismiss_one();
        sleep(BREATH).await;
    }
}

/// When it was last said what goes wrong.
#[derive(Default)]
struct Trouble(Option<Instant>);

impl Trouble {
    fn say(&mut self, words: impl FnOnce()) {
        if self.0.is_none_or(|last| last.elapsed() > SAID) {
            self.0 = Some(Instant::now());
            words();
        }
    }
}
