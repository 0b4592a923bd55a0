//! How a server meets a taken port, a probe, and its end.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::program::Folder;
use crate::server::{Server, free_port, status_line, within_a_second};
use crate::wire::{Http2, connected, exchange, rest};

#[test]
fn a_port_that_is_taken_says_what_to_do() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let mut server =
        Server::begin(&folder, &[("APP_SERVER__PORT", &taken.local_addr().unwrap().port().to_string())]);
    assert_eq!(server.ended_within(Duration::from_secs(10)).unwrap().code(), Some(1));
    let log = server.log();
    assert!(log.contains(&format!("{address} is in use")) && log.contains("--port 8000"), "{log}");
    assert_eq!(server.out(), "", "no password is lost with it");
    let mut server = Server::begin(&folder, &[("APP_SERVER__MANAGEMENT_ADDRESS", &address)]);
    assert_eq!(server.ended_within(Duration::from_secs(10)).unwrap().code(), Some(1));
    assert!(server.log().contains("APP_SERVER__MANAGEMENT_ADDRESS="), "{}", server.log());
    assert!(!folder.path().join("data").exists(), "and nothing was made");
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let folder = Folder::new();
    let mut server = Server::start(&folder);
    let (mut stream, rest) = server.half_a_login();
    server.signal("-TERM");
    assert_eq!(server.ended_within(Duration::from_millis(300)), None, "it waits for the request");
    stream.write_all(rest).unwrap();
    assert_eq!(status_line(stream), "HTTP/1.1 401 Unauthorized");
    let status = server.ended_within(Duration::from_secs(5)).unwrap();
    assert!(status.success() && server.log().contains("stopped"), "{status}\n{}", server.log());
}

#[test]
fn a_request_that_does_not_end_is_given_up_after_the_time_out() {
    let folder = Folder::new().with("APP_SERVER__SHUTDOWN_TIMEOUT", "1s");
    let mut server = Server::start(&folder);
    let (_stream, _) = server.half_a_login();
    let begun = Instant::now();
    server.signal("-TERM");
    let status = server.ended_within(Duration::from_secs(6)).expect("it ends by itself");
    assert!(begun.elapsed() >= Duration::from_millis(700), "not long before the time-out");
    let log = server.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.lines().any(|line| line.contains("requests still under way requests=1")), "{log}");
    let cut = log.lines().find(|line| line.contains("the server stopped before the request was answered"));
    assert!(cut.is_some_and(|line| line.contains("WARN") && line.contains("code=\"stopped\"")), "{log}");
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let folder = Folder::new();
    for (first, second, code) in [("-TERM", "-TERM", 143), ("-TERM", "-INT", 130)] {
        let mut server = Server::start(&folder);
        let (_stream, _) = server.half_a_login();
        server.signal(first);
        assert_eq!(server.ended_within(Duration::from_millis(200)), None);
        server.signal(second);
        let status = server.ended_within(Duration::from_secs(2));
        assert_eq!(status.and_then(|status| status.code()), Some(code), "{}", server.log());
        assert!(server.log().contains("second signal requests=1"), "{}", server.log());
        assert!(server.log().contains("the server stopped before the request"), "{}", server.log());
    }
}

#[test]
fn a_signal_ends_a_start_that_hangs_at_once() {
    // It takes connections and says nothing, as a database behind a dead network does.
    let database = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("postgres://somebody:secret@{}/stead", database.local_addr().unwrap());
    let folder = Folder::new().with("APP_DATABASE__URL", url).with("APP_DATABASE__ACQUIRE_TIMEOUT", "60s");
    let folder = folder.with("APP_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    for (environment, signal, code) in [("dev", "-TERM", 143), ("testing", "-INT", 130)] {
        let mut server = Server::begin(&folder, &[("APP_ENV", environment)]);
        let _asked = database.accept().unwrap();
        server.signal(signal);
        let status = server.ended_within(Duration::from_secs(3));
        assert_eq!(status.and_then(|status| status.code()), Some(code), "{}", server.log());
        assert!(server.log().contains("before it served"), "{}", server.log());
    }
}

#[tokio::test]
async fn readiness_turns_before_the_listener_closes() {
    let management = format!("127.0.0.1:{}", free_port());
    let folder = Folder::new()
        .with("APP_SERVER__DRAIN_DELAY", "1s")
        .with("APP_SERVER__MANAGEMENT_ADDRESS", &management);
    let mut server = Server::start(&folder);
    assert_eq!(server.get("/health/ready").send().await.unwrap().status().as_u16(), 200);
    server.signal("-TERM");
    within_a_second(async || server.log().contains("shutting down")).await;
    folder.run("healthcheck").fails(&["not ready"]);
    let ready = server.get("/health/ready").send().await.unwrap();
    assert_eq!(ready.status().as_u16(), 503);
    let body: serde_json::Value = ready.json().await.unwrap();
    assert_eq!((&body["status"], &body["checks"]["shutdown"]["status"]), (&"down".into(), &"down".into()));
    assert_eq!(server.get("/health/live").send().await.unwrap().status().as_u16(), 200);
    assert!(server.ended_within(Duration::from_secs(5)).unwrap().success());
}

#[test]
fn a_health_check_is_an_exit_code() {
    let management = format!("127.0.0.1:{}", free_port());
    let folder = Folder::new().with("APP_SERVER__MANAGEMENT_ADDRESS", &management);
    folder.run("healthcheck").fails(&["no answer from", &management]);
    assert!(folder.is_empty());
    let server = Server::start(&folder);
    let healthy = folder.run("healthcheck").expect(0);
    assert_eq!((healthy.stdout.as_str(), healthy.stderr.as_str()), ("", ""));
    server.stop();
    folder.run("healthcheck").fails(&["no answer from"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_everybody_is_answered_and_sent_elsewhere() {
    let mut server = Server::start(&Folder::new().with("APP_SERVER__DRAIN_DELAY", "3s"));
    let mut kept = connected(&server);
    assert!(!exchange(&mut kept, "/health/live").to_lowercase().contains("connection: close"));
    let mut http2 = Http2::to(&server).await;
    assert_eq!(http2.get("/health/live", &[]).await.unwrap().0, 200);
    server.signal("-TERM");
    within_a_second(async || http2.get("/health/live", &[]).await.is_err()).await;
    let answer = exchange(&mut kept, "/health/live");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert_eq!(rest(kept), "");
    assert!(exchange(&mut connected(&server), "/health/live").starts_with("HTTP/1.1 200"), "newcomers, too");
    assert_eq!(Http2::to(&server).await.get("/health/live", &[]).await.unwrap().0, 200);
    assert!(server.ended_within(Duration::from_secs(8)).unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_nothing_does_not_hold_up_the_end() {
    let folder = Folder::new();
    let mut server = Server::start(&folder);
    let (silent, mut slow, mut kept) = (connected(&server), connected(&server), connected(&server));
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    exchange(&mut kept, "/health/live");
    let mut http2 = Http2::to(&server).await;
    assert_eq!(http2.get("/health/live", &[]).await.unwrap().0, 200);
    server.signal("-TERM");
    let status = server.ended_within(Duration::from_secs(4)).expect("nothing is under way");
    assert!(status.success() && !server.log().contains("still under way"), "{}", server.log());
    drop((silent, slow, kept));
}
