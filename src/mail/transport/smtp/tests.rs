//! TLS, with a mail server whose certificate lives as long as the test.

use std::sync::{Arc, Mutex};

use lettre::transport::smtp::client::Certificate;
use rcgen::generate_simple_self_signed;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::config::Transport;

const PATIENCE: Duration = Duration::from_secs(10);

/// What a server heard in clear, and what under TLS.
#[derive(Default)]
struct Heard {
    clear: Vec<String>,
    secret: Vec<String>,
}

struct Server {
    port: u16,
    certificate: CertificateDer<'static>,
    heard: Arc<Mutex<Heard>>,
}

impl Server {
    async fn start(implicit: bool) -> Self {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let memory = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if !implicit {
                    let is_wanted =
                        talk(&mut stream, true, |line| memory.lock().unwrap().clear.push(line)).await;
                    if !is_wanted {
                        continue;
                    }
                }
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                if implicit {
                    stream.write_all(b"220 localhost ready\r\n").await.unwrap();
                }
                talk(&mut stream, false, |line| memory.lock().unwrap().secret.push(line)).await;
            }
        });
        Self { port, certificate, heard }
    }

    /// A client of it, by the configuration.
    fn client(&self, scheme: &str, rest: &str) -> Smtp {
        let url = format!("{scheme}://ada:hunter2@localhost:{}{rest}", self.port).parse().unwrap();
        let Some(Transport::Smtp(server)) = Transport::of(&url) else { panic!("{url}") };
        Smtp::new(server, "stead.example").unwrap()
    }

    /// The same, trusting this server's certificate.
    fn friend(&self, scheme: &str, rest: &str) -> Smtp {
        let certificate = Certificate::from_der(self.certificate.to_vec()).unwrap();
        let trusting = TlsParameters::builder("localhost".to_owned()).add_root_certificate(certificate);
        Smtp { tls: Some(trusting.build().unwrap()), ..self.client(scheme, rest) }
    }

    fn heard(&self) -> (String, String) {
        let heard = self.heard.lock().unwrap();
        (heard.clear.join("\n"), heard.secret.join("\n"))
    }
}

/// Speaks SMTP and agrees with everything; `true` if TLS is to begin now.
async fn talk(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    in_clear: bool,
    mut note: impl FnMut(String),
) -> bool {
    let mut stream = BufReader::new(stream);
    if in_clear {
        stream.write_all(b"220 localhost ready\r\n").await.unwrap();
    }
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let said = std::mem::take(&mut line).trim_end().to_owned();
        let answer = match said.as_str() {
            "STARTTLS" | "QUIT" => "220 so be it",
            "DATA" => "354 go on",
            line if line.starts_with("EHLO") && in_clear => "250-localhost\r\n250-AUTH PLAIN\r\n250 STARTTLS",
            line if line.starts_with("EHLO") => "250-localhost\r\n250 AUTH PLAIN",
            line if line.starts_with("AUTH") => "235 welcome",
            _ => "250 fine",
        };
        let is_command = said.split(' ').next().is_some_and(|word| word.len() >= 4 || word == ".");
        if is_command && stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return false;
        }
        let begins = said == "STARTTLS";
        note(said);
        if begins {
            return true;
        }
    }
    false
}

async fn send(smtp: &Smtp) -> Result<(), Failure> {
    let address = |text: &str| text.parse().unwrap();
    // Of the content, the server in this test takes no line for a command.
    let bytes = b"A: b\r\n\r\nc\r\n".to_vec();
    let mail = Composed { from: address("a@stead.example"), to: address("ada@example.com"), bytes };
    let mut line = smtp.line(PATIENCE);
    let sent = line.send(&mail).await;
    line.close().await;
    sent
}

#[tokio::test]
async fn with_smtps_all_is_said_under_tls() {
    let server = Server::start(true).await;
    send(&server.friend("smtps", "")).await.unwrap();
    let (clear, secret) = server.heard();
    assert_eq!(clear, "");
    assert!(secret.contains("AUTH PLAIN") && secret.contains("RCPT TO:<ada@example.com>"), "{secret}");
}

#[tokio::test]
async fn with_starttls_nothing_is_said_before_it() {
    let server = Server::start(false).await;
    send(&server.friend("smtp", "?tls=required")).await.unwrap();
    let (clear, secret) = server.heard();
    assert_eq!(clear, "EHLO stead.example\nSTARTTLS");
    assert!(secret.contains("AUTH PLAIN") && secret.contains("RCPT TO:<ada@example.com>"), "{secret}");
}

#[tokio::test]
async fn a_certificate_of_nobody_we_know_is_told_nothing() {
    for (implicit, scheme, rest) in [(true, "smtps", ""), (false, "smtp", "?tls=required")] {
        let server = Server::start(implicit).await;
        let failure = send(&server.client(scheme, rest)).await.unwrap_err();
        assert_eq!(failure.kind, Kind::Lost);
        assert!(failure.reason.contains("certificate"), "{}", failure.reason);
        let (clear, secret) = server.heard();
        assert!(!clear.contains("AUTH") && secret.is_empty(), "{clear} {secret}");
    }
}
