//! Bytes that are no proper HTTP/1.1: what a proxy and a server could read differently.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::program::Folder;
use crate::server::Server;

const CHUNKS: &str = "2\r\n{}\r\n0\r\n\r\n";

/// Everything that comes back, and whether the connection was closed after it.
fn sent(server: &Server, request: &str) -> (String, bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let closed = stream.read_to_end(&mut answer).is_ok();
    (String::from_utf8(answer).unwrap(), closed)
}

fn login(fields: &str, body: &str) -> String {
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    format!("{head}\r\n{fields}\r\n\r\n{body}")
}

fn live(fields: &str) -> String {
    format!("GET /health/live HTTP/1.1\r\n{fields}\r\n")
}

#[test]
fn a_request_that_two_readers_could_end_differently_is_refused_and_the_connection_closed() {
    let server = Server::start(&Folder::new());
    for request in [
        login("Content-Length: 2\r\nContent-Length: 3", "{}"),
        login("Content-Length: 2, 2", "{}"),
        login("Content-Length: -2", "{}"),
        login("Content-Length: +2", "{}"),
        login("Content-Length: 99999999999999999999", "{}"),
        login("Transfer-Encoding: gzip", "{}"),
        login("Transfer-Encoding: identity", "{}"),
        login("Transfer-Encoding: chunked, gzip", CHUNKS),
        login("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
        login("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        login("Transfer-Encoding: chunked", CHUNKS).replace("HTTP/1.1", "HTTP/1.0"),
        live("Host : localhost\r\n"),
        live("Host: localhost\r\nX-A: b\r\n c\r\n"),
        live(""),
        live("Host: one.example\r\nHost: two.example\r\n"),
        live("Host: one.example, two.example\r\n"),
        live("Host: \r\n"),
        live("Host: user@one.example\r\n"),
        live("Host: one.example\r\nHost: one.example\r\n").replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        // A second request, which nobody must take for one.
        let (answer, closed) = sent(&server, &(request.clone() + &live("Host: localhost\r\n")));
        let status = answer.strip_prefix("HTTP/1.").unwrap_or_default();
        assert!(status.get(1..).is_some_and(|rest| rest.starts_with(" 400 ")), "{request:?}\n{answer}");
        assert!(closed && answer.matches("HTTP/1.").count() == 1, "{request:?}\n{answer}");
    }
    server.stop();
}

#[test]
fn a_length_beside_chunks_ends_the_connection() {
    let server = Server::start(&Folder::new());
    for fields in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 1000",
    ] {
        let (answer, closed) = sent(&server, &(login(fields, CHUNKS) + &live("Host: localhost\r\n")));
        assert!(answer.starts_with("HTTP/1.1 4") && closed, "{fields}\n{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields}\n{answer}");
    }
    server.stop();
}

#[test]
fn proper_requests_share_a_connection() {
    let server = Server::start(&Folder::new());
    let two = live("Host: localhost:8080\r\n") + &live("Host: [::1]\r\nConnection: close\r\n");
    let (answer, closed) = sent(&server, &two);
    assert!(answer.matches("HTTP/1.1 200 OK").count() == 2 && closed, "{answer}");
    server.stop();
}
