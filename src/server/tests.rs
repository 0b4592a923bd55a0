//! A listener with room for few, as callers see it.

use axum::extract::ConnectInfo;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

mod held;

const PATIENCE: Duration = Duration::from_secs(10);
/// More than the system takes for somebody who does not.
const LARGE: usize = 24 << 20;

struct Open {
    address: SocketAddr,
    crowd: Crowd,
    tasks: Tasks,
    server: tokio::task::JoinHandle<()>,
}

async fn open(most: usize, request_timeout: Duration) -> Open {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, crowd, tasks) = (listener.local_addr().unwrap(), Crowd::new(most), Tasks::default());
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
        .route("/never", get(std::future::pending::<()>))
        .route("/large", get(|| async { vec![b'.'; LARGE] }))
        .route("/megabyte", get(|| async { vec![b'.'; 1 << 20] }));
    let server = Server { listener, router, tls: None, crowd: crowd.clone(), request_timeout };
    let server = tokio::spawn(server.run(tasks.clone()));
    Open { address, crowd, tasks, server }
}

impl Open {
    /// A connection on which this was asked for.
    async fn asked(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        ask(&mut stream, path).await;
        stream
    }
}

async fn ask(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
}

/// What comes next; nothing where the connection is closed.
async fn next(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 1024];
    let read = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("something happens");
    String::from_utf8_lossy(&bytes[..read.unwrap_or(0)]).into_owned()
}

#[tokio::test]
async fn who_is_idle_leaves_for_who_comes_and_who_is_served_does_not() {
    let open = open(3, PATIENCE).await;
    let mut served = open.asked("/never").await;
    let mut idle = open.asked("/").await;
    assert!(next(&mut idle).await.contains("127.0.0.1"));
    sleep(Duration::from_millis(5)).await;
    let mut later = open.asked("/").await;
    next(&mut later).await;
    let mut newcomer = open.asked("/").await;
    assert!(next(&mut newcomer).await.contains("200 OK"));
    assert_eq!(next(&mut idle).await, "", "the one that had been idle for longest");
    ask(&mut later, "/").await;
    assert!(next(&mut later).await.contains("200 OK"));
    assert_eq!((open.crowd.open(), open.crowd.most(), open.crowd.dismissed()), (3, 3, 1));
    assert!(timeout(Duration::from_millis(10), served.read(&mut [0])).await.is_err(), "it waits");
}

#[tokio::test]
async fn where_nobody_is_idle_the_newest_waits() {
    let open = open(2, PATIENCE).await;
    let served = open.asked("/never").await;
    let _other = open.asked("/never").await;
    while open.crowd.open() < 2 || !open.crowd.is_busy() {
        sleep(Duration::from_millis(1)).await;
    }
    let mut newcomer = open.asked("/").await;
    assert!(timeout(Duration::from_millis(300), newcomer.read(&mut [0])).await.is_err());
    drop(served);
    assert!(next(&mut newcomer).await.contains("200 OK"));
}

#[tokio::test]
async fn who_does_not_take_an_answer_is_not_waited_for() {
    let open = open(2, Duration::from_millis(300)).await;
    let deaf = open.asked("/large").await;
    while open.crowd.open() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let gone = async {
        while open.crowd.open() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it is closed");
    drop(deaf);
}

#[tokio::test]
async fn the_end_waits_for_answers_that_are_still_being_taken() {
    let open = open(2, PATIENCE).await;
    let mut slow = open.asked("/large").await;
    let mut first = vec![0; 1 << 20];
    let mut read = slow.read(&mut first).await.unwrap();
    open.tasks.stop();
    // Longer than anybody is waited for who asks nothing.
    for _ in 0..8 {
        sleep(Duration::from_millis(100)).await;
        read += slow.read(&mut first).await.unwrap();
    }
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert!(read + rest.len() > LARGE, "all of it has come");
    timeout(PATIENCE, open.server).await.expect("it ends").unwrap();
}

/// A caller of HTTP/2 who makes hardly any room for bodies.
struct Stingy {
    stream: TcpStream,
    next: u32,
}

impl Stingy {
    async fn connect(address: SocketAddr) -> Self {
        Self::with_window(address, 0).await
    }

    async fn with_window(address: SocketAddr, bytes: u8) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        // SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.5.2).
        stream.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, bytes]).await.unwrap();
        Self { stream, next: 1 }
    }

    /// Asks for `/` on a stream of its own; whether the connection is there still.
    async fn ask(&mut self) -> bool {
        let frame = self.request("/");
        let mut answer = [0; 1024];
        let closed = match timeout(Duration::from_millis(20), self.stream.read(&mut answer)).await {
            Ok(read) => read.unwrap_or(0) == 0,
            Err(_) => false,
        };
        !closed && self.stream.write_all(&frame).await.is_ok()
    }

    /// The frame of a request on a stream of its own.
    fn request(&mut self, path: &str) -> Vec<u8> {
        // HPACK: GET and http of the static table, a path, and an authority.
        let length = u8::try_from(path.len()).unwrap();
        let fields = [&[0x82, 0x86, 0x04, length], path.as_bytes(), &[0x41, 0x01, b'a']].concat();
        let mut frame = vec![0, 0, u8::try_from(fields.len()).unwrap(), 1, 5];
        frame.extend(self.next.to_be_bytes());
        frame.extend(fields);
        self.next += 2;
        frame
    }
}

#[tokio::test]
async fn who_makes_no_room_for_an_answer_leaves_however_often_more_is_asked_for() {
    let open = open(2, Duration::from_millis(500)).await;
    let mut stingy = Stingy::connect(open.address).await;
    let left = async {
        while stingy.ask().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, left).await.expect("it is closed");
}

#[tokio::test]
async fn where_nobody_is_idle_who_takes_no_answer_leaves_for_who_comes() {
    let open = open(2, Duration::from_secs(60)).await;
    let mut stingy = [Stingy::connect(open.address).await, Stingy::connect(open.address).await];
    for one in &mut stingy {
        assert!(one.ask().await);
    }
    while open.crowd.open() < 2 || !open.crowd.is_busy() {
        sleep(Duration::from_millis(1)).await;
    }
    let mut newcomer = open.asked("/").await;
    assert!(next(&mut newcomer).await.contains("200 OK"));
    assert!(open.crowd.dismissed() > 0);
}
