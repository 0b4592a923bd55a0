//! TLS without a proxy.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto::ring};

use crate::program::Folder;
use crate::server::{Server, free_port, within_a_second};
use crate::wire::{Http2, connected, rest};

/// Puts a new certificate and its key where the server looks for them.
fn certify(folder: &Folder) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

fn folder() -> (Folder, CertificateDer<'static>) {
    let folder = Folder::new()
        .with("APP_SERVER__TLS__CERT", "cert.pem")
        .with("APP_SERVER__TLS__KEY", "key.pem")
        .with("APP_SERVER__REQUEST_TIMEOUT", "3s");
    let certificate = certify(&folder);
    (folder, certificate)
}

async fn greeted(
    server: &Server,
    trusted: &CertificateDer<'static>,
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(("127.0.0.1", server.port)).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Which protocol was agreed on, and the status of a request by it.
async fn asked(stream: TlsStream<TcpStream>) -> (Option<String>, u16, bool) {
    let agreed = stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap());
    if agreed.as_deref() == Some("h2") {
        let (status, headers, _) = Http2::over(stream).await.get("/health/live", &[]).await.unwrap();
        return (agreed, status, headers.contains_key("strict-transport-security"));
    }
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("/health/live").header("host", "localhost");
    let request = request.body(http_body_util::Empty::<hyper::body::Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    (agreed, answer.status().as_u16(), answer.headers().contains_key("strict-transport-security"))
}

#[tokio::test]
async fn both_protocols_are_spoken_over_both_versions_of_tls_and_nothing_else() {
    let (folder, certificate) = folder();
    let server = Server::start(&folder.with("APP_SERVER__PUBLIC_URL", "https://api.example.com"));
    for version in [&TLS12, &TLS13] {
        for (offered, agreed) in
            [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
        {
            let stream = greeted(&server, &certificate, version, offered).await.unwrap();
            assert_eq!(asked(stream).await, (agreed.map(str::to_owned), 200, true), "{offered:?}");
        }
        assert!(greeted(&server, &certificate, version, &["spdy/3"]).await.is_err());
    }
    // Clear text is neither answered nor sent elsewhere.
    let mut clear = connected(&server);
    clear.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(!rest_bytes(clear).windows(4).any(|bytes| bytes == b"HTTP"));
    server.stop();
}

fn rest_bytes(mut stream: std::net::TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    _ = std::io::Read::read_to_end(&mut stream, &mut bytes);
    bytes
}

#[test]
fn a_handshake_that_never_comes_is_not_waited_for() {
    let (folder, _) = folder();
    let server = Server::start(&folder);
    let silent = connected(&server);
    let mut half = connected(&server);
    // The beginning of a ClientHello that announces more than comes.
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).unwrap();
    assert_eq!((rest(silent), rest(half)), (String::new(), String::new()));
    server.stop();
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_never() {
    let (folder, first) = folder();
    let operators = free_port();
    let folder = folder.with("APP_SERVER__MANAGEMENT_ADDRESS", format!("127.0.0.1:{operators}"));
    let server = Server::start(&folder);
    let counted = async |outcome: &str, rounds: u32| {
        let text = reqwest::get(format!("http://127.0.0.1:{operators}/metrics"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let rounds = format!(" {rounds}");
        let series = |line: &&str| line.contains("task=\"certificate\"") && line.contains(outcome);
        let mut lines = text.lines().filter(|line| line.starts_with("task_rounds_total"));
        lines.find(series).is_some_and(|line| line.ends_with(&rounds))
    };
    let shows = async |certificate| greeted(&server, certificate, &TLS13, &[]).await.is_ok();
    assert!(shows(&first).await);
    let second = certify(&folder);
    assert!(shows(&first).await, "nobody has looked yet");
    server.signal("-HUP");
    within_a_second(async || shows(&second).await).await;
    assert!(!shows(&first).await);
    within_a_second(async || counted("done", 1).await && counted("failed", 0).await).await;
    fs::write(folder.path().join("cert.pem"), "-----BEGIN nonsense").unwrap();
    server.signal("-HUP");
    within_a_second(async || server.log().contains("the one before is shown")).await;
    assert!(shows(&second).await && server.log().contains("cert.pem"), "{}", server.log());
    within_a_second(async || counted("failed", 1).await && counted("done", 1).await).await;
    server.stop();
}

#[test]
fn an_expired_certificate_is_told_of_at_the_start() {
    let (folder, _) = folder();
    let server = Server::start(&folder);
    assert!(!server.log().contains("expired"), "{}", server.log());
    server.stop();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2021, 2, 1);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(folder.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let server = Server::start(&folder);
    let log = server.log();
    assert!(log.contains("the certificate has expired") && log.contains("2021-02-01T00:00:00"), "{log}");
    server.stop();
}

#[test]
fn half_a_pair_and_a_file_that_is_not_there_are_refused_by_name() {
    let (folder, _) = folder();
    let alone = Folder::new().with("APP_SERVER__TLS__CERT", "cert.pem");
    let mut server = Server::begin(&alone, &[]);
    assert_eq!(server.ended_within(Duration::from_secs(10)).unwrap().code(), Some(1));
    assert!(server.log().contains("server.tls.key is not set"), "{}", server.log());
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    let mut server = Server::begin(&folder, &[]);
    assert_eq!(server.ended_within(Duration::from_secs(10)).unwrap().code(), Some(1));
    assert!(server.log().contains("server.tls: key.pem cannot be read"), "{}", server.log());
}
