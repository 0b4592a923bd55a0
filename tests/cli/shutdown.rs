//! How a server meets a taken port, a probe, and its end.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::program::Folder;
use crate::server::{Server, free_port, status_line};

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
    assert!(begun.elapsed() >= Duration::from_millis(900), "not before the time-out");
    assert!(status.success() && server.log().contains("requests still under way"), "{}", server.log());
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let folder = Folder::new();
    for (first, second) in [("-TERM", "-TERM"), ("-INT", "-INT")] {
        let mut server = Server::start(&folder);
        let (_stream, _) = server.half_a_login();
        server.signal(first);
        assert_eq!(server.ended_within(Duration::from_millis(200)), None);
        server.signal(second);
        assert!(server.ended_within(Duration::from_secs(2)).is_some(), "{}", server.log());
        assert!(server.log().contains("second signal"), "{}", server.log());
    }
}

#[tokio::test]
async fn readiness_turns_before_the_listener_closes() {
    let folder = Folder::new().with("APP_SERVER__DRAIN_DELAY", "1s");
    let mut server = Server::start(&folder);
    assert_eq!(server.get("/health/ready").send().await.unwrap().status().as_u16(), 200);
    server.signal("-TERM");
    tokio::time::sleep(Duration::from_millis(200)).await;
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
