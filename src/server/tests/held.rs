//! Answers that wait to be taken, and how much they hold.

use axum::http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::*;
use crate::server::held::{BESIDE, MOST};

const MEGABYTE: usize = 1 << 20;

impl Stingy {
    /// Asks for a megabyte as often as a connection may at once.
    async fn greedy(address: SocketAddr, window: u8) -> Self {
        let mut stingy = Self::with_window(address, window).await;
        let requests: Vec<u8> = (0..100).flat_map(|_| stingy.request("/megabyte")).collect();
        stingy.stream.write_all(&requests).await.unwrap();
        stingy
    }

    /// Takes what is no body until the connection is closed.
    async fn closed(mut self) {
        let mut bytes = [0; 4096];
        while self.stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    }
}

impl Open {
    async fn until(&self, is_so: impl Fn(&Crowd) -> bool) {
        let wait = async {
            while !is_so(&self.crowd) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("it comes to that");
    }
}

/// A caller of HTTP/2 who makes room for so much of each answer, and takes what comes.
async fn honest(address: SocketAddr, window: u32) -> SendRequest<Empty<Bytes>> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut builder = Builder::new(TokioExecutor::new());
    let (sender, connection) = builder.initial_stream_window_size(window).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// How long the answer is.
async fn length(mut sender: SendRequest<Empty<Bytes>>, path: &'static str) -> usize {
    let uri = format!("http://a{path}");
    let request = Request::get(uri).version(Version::HTTP_2).body(Empty::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    answer.into_body().collect().await.unwrap().to_bytes().len()
}

#[tokio::test]
async fn who_takes_no_answers_leaves_before_they_hold_too_much_and_who_takes_them_slowly_stays() {
    let open = open(99, Duration::from_secs(60)).await;
    let elsewhere = TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut slow = elsewhere.connect(open.address).await.unwrap();
    ask(&mut slow, "/large").await;
    open.until(|crowd| crowd.held() > LARGE).await;
    for window in [0, 1, 0] {
        let greedy = Stingy::greedy(open.address, window).await;
        let dismissed = open.crowd.dismissed();
        let is_bounded = async {
            loop {
                // One may be under way when there is no more room.
                assert!(open.crowd.held() <= MOST + 2 * MEGABYTE, "{}", open.crowd.held());
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = is_bounded => {}
            closed = timeout(PATIENCE, greedy.closed()) => closed.expect("it is closed, and long before its time"),
        }
        assert_eq!(open.crowd.dismissed(), dismissed + 1);
        // What it was asked for a moment before may have come since.
        open.until(|crowd| crowd.held() < MOST).await;
    }
    let mut answer = vec![0; LARGE];
    slow.read_exact(&mut answer).await.unwrap();
    open.until(|crowd| crowd.requests() == 0).await;
    assert_eq!((open.crowd.held(), open.crowd.open()), (0, 1), "all that was held is given back");
}

#[tokio::test]
async fn an_answer_holds_what_it_is_until_its_last_byte_is_taken() {
    let open = open(99, Duration::from_secs(60)).await;
    // With room for a byte of it, the answer is wholly handed over and hardly taken.
    let mut stingy = Stingy::with_window(open.address, 1).await;
    let request = stingy.request("/megabyte");
    stingy.stream.write_all(&request).await.unwrap();
    open.until(|crowd| crowd.held() == MEGABYTE + BESIDE).await;
    // The frames of its header and of a byte of its body are the last that come.
    let mut bytes = [0; 4096];
    while timeout(Duration::from_millis(100), stingy.stream.read(&mut bytes)).await.is_ok() {}
    assert_eq!((open.crowd.requests(), open.crowd.held()), (1, MEGABYTE + BESIDE));
    drop(stingy);
    open.until(|crowd| crowd.open() == 0 && crowd.requests() == 0 && crowd.held() == 0).await;
}

#[tokio::test]
async fn many_answers_at_once_come_whole_to_who_makes_little_room_at_a_time() {
    let open = open(99, PATIENCE).await;
    let sender = honest(open.address, 16 << 10).await;
    let mut answers = JoinSet::new();
    for number in 0..100 {
        let path = if number % 5 == 0 { "/megabyte" } else { "/" };
        answers.spawn(length(sender.clone(), path));
    }
    let lengths = timeout(PATIENCE * 3, answers.join_all()).await.expect("all have come");
    assert_eq!(lengths.iter().sum::<usize>(), 20 * MEGABYTE + 80 * "127.0.0.1".len());
    assert_eq!((open.crowd.dismissed(), open.crowd.requests(), open.crowd.held()), (0, 0, 0));
}

#[tokio::test]
async fn of_requests_that_are_sent_in_one_go_one_is_answered_at_a_time() {
    let open = open(99, Duration::from_secs(60)).await;
    let mut stream = TcpStream::connect(open.address).await.unwrap();
    for _ in 0..50 {
        ask(&mut stream, "/megabyte").await;
    }
    open.until(|crowd| crowd.held() > MEGABYTE).await;
    for _ in 0..50 {
        assert!(open.crowd.held() <= 2 * (MEGABYTE + BESIDE), "{}", open.crowd.held());
        sleep(Duration::from_millis(2)).await;
    }
    let mut answers = vec![0; 50 * MEGABYTE];
    timeout(PATIENCE, stream.read_exact(&mut answers)).await.expect("they come").unwrap();
    assert_eq!(open.crowd.dismissed(), 0);
}
