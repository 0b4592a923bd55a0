//! What a server bears of its callers' connections: slow ones, idle ones, large ones, many at once.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use hyper::header::HeaderName;

use crate::program::Folder;
use crate::server::Server;
use crate::wire::{Http2, connected, exchange, rest};

/// A header has to come in one second then, and a body in one and a half.
fn hasty() -> Server {
    Server::start(&Folder::new().with("APP_SERVER__REQUEST_TIMEOUT", "3s"))
}

#[test]
fn a_header_that_does_not_end_is_cut_off_and_so_is_silence() {
    let server = hasty();
    let begun = Instant::now();
    let silent = connected(&server);
    let mut slow = connected(&server);
    slow.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
    // Each byte in time, and the header never at its end.
    while slow.write_all(b"a").is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is still read");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((rest(slow), rest(silent)), (String::new(), String::new()));
    server.stop();
}

#[test]
fn between_two_requests_there_is_more_time_than_within_one() {
    let server = hasty();
    let mut stream = connected(&server);
    for _ in 0..2 {
        assert!(exchange(&mut stream, "/health/live").starts_with("HTTP/1.1 200"));
        std::thread::sleep(Duration::from_secs(2));
    }
    stream.write_all(b"GET /health/live HT").unwrap();
    assert_eq!(rest(stream), "", "but within the second as little as within the first");
    server.stop();
}

#[test]
fn a_body_that_comes_too_slowly_is_408() {
    let server = hasty();
    let (mut stream, second) = server.half_a_login();
    for byte in &second[..20] {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(r#""code":"request_timeout""#), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    server.stop();
}

#[tokio::test]
async fn a_hundred_slow_connections_do_not_keep_the_others_out() {
    let server = Server::start(&Folder::new());
    let held: Vec<_> = (0..100)
        .map(|number| {
            let mut stream = connected(&server);
            match number % 4 {
                0 => {}
                1 => stream.write_all(b"GET / HTTP/1.1\r\nHost: local").unwrap(),
                2 => drop(exchange(&mut stream, "/health/live")),
                _ => stream
                    .write_all(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
                    .unwrap(),
            }
            stream
        })
        .collect();
    for (path, status) in [("/health/live", 200), ("/health/ready", 200), ("/api/v1/users/me", 401)] {
        let answer = server.get(path).timeout(Duration::from_secs(5)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    drop(held);
    server.stop();
}

#[test]
fn what_is_too_large_is_refused_with_a_reason_as_long_as_it_can_be_read() {
    let server = Server::start(&Folder::new());
    let ask = |path: &str, field: usize| {
        let mut stream = connected(&server);
        let field = "a".repeat(field);
        // The server may have answered, and closed, before all of it has been written.
        _ = stream.write_all(
            format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Large: {field}\r\n\r\n"
            )
            .as_bytes(),
        );
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    let long = |length: usize| format!("/health/live?{}", "a".repeat(length));
    assert!(ask(&long(8000), 8000).starts_with("HTTP/1.1 200"));
    for (answer, status, code) in [
        (ask("/health/live", 17 << 10), 431, "headers_too_large"),
        (ask("/health/live", 60 << 10), 431, "headers_too_large"),
        (ask(&long(9 << 10), 1), 414, "uri_too_long"),
    ] {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains(&format!(r#""code":"{code}""#)), "{answer}");
    }
    for answer in [ask("/health/live", 100 << 10), ask(&long(100 << 10), 1)] {
        let bare = answer.starts_with("HTTP/1.1 431") && answer.ends_with("\r\n\r\n");
        assert!(bare || answer.is_empty(), "what is not read to its end is not looked at: {answer}");
    }
    server.stop();
}

#[tokio::test]
async fn http2_in_clear_text_is_held_to_the_same() {
    let server = Server::start(&Folder::new());
    let mut connection = Http2::to(&server).await;
    let (status, _, body) = connection.get("/health/live", &[]).await.unwrap();
    assert_eq!((status, &body["status"]), (200, &"up".into()));
    let large = HeaderName::from_static("x-large");
    let heavy = "a".repeat(17 << 10);
    let (status, headers, body) =
        connection.get("/health/live", &[(large.clone(), heavy.as_str())]).await.unwrap();
    assert_eq!((status, &body["code"]), (431, &"headers_too_large".into()));
    assert_eq!(headers["content-type"], "application/problem+json");
    let long = format!("/health/live?{}", "a".repeat(9 << 10));
    let (status, _, body) = connection.get(&long, &[]).await.unwrap();
    assert_eq!((status, &body["code"]), (414, &"uri_too_long".into()));
    // Beyond what the connection reads at all there is a status and no body.
    let heavier = "a".repeat(40 << 10);
    let answer = connection.get("/health/live", &[(large, heavier.as_str())]).await;
    assert!(answer.is_err() || answer.is_ok_and(|(status, ..)| status == 431));
    let mut connection = Http2::to(&server).await;
    assert_eq!(connection.get("/health/live", &[]).await.unwrap().0, 200, "and others go on");
    server.stop();
}
