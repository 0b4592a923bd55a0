//! Requests over connections that a test holds in its own hands.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection in clear text.
pub fn connected(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything that comes until the server closes the connection.
pub fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // What was sent in vain makes a reset of the end.
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(answer).unwrap(),
    }
}

/// Sends a request of HTTP/1.1 without a body, and reads one answer with a length.
pub fn exchange(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    let mut byte = [0];
    while !answer.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(char::from(byte[0]));
    }
    let length = answer.to_lowercase().split_once("content-length: ").unwrap().1.to_owned();
    let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    answer + &String::from_utf8(body).unwrap()
}

/// HTTP/2 over a connection.
pub struct Http2(SendRequest<Empty<Bytes>>);

impl Http2 {
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// In clear text, without asking first.
    pub async fn to(server: &Server) -> Self {
        Self::over(tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.unwrap()).await
    }

    /// Status, headers and JSON; an error where the connection takes no more requests.
    pub async fn get(
        &mut self,
        path: &str,
        headers: &[(HeaderName, &str)],
    ) -> hyper::Result<(u16, HeaderMap, Value)> {
        self.0.ready().await?;
        let uri: Uri = format!("http://localhost{path}").parse().unwrap();
        let mut request = Request::get(uri).body(Empty::new()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        let (head, body) = self.0.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok((head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap_or_default()))
    }
}
