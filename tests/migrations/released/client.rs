//! Whoever asks a server that runs in this process.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::Value;
use stead::app::App;
use tower::ServiceExt;

pub struct Client {
    pub app: App,
}

impl Client {
    /// Asks, and claims a status; `null` is what an empty body reads as.
    pub async fn ask(&self, line: &str, token: Option<&str>, body: Value, status: u16) -> Value {
        self.ask_keyed(line, token, "", body, status).await
    }

    /// The same, with an idempotency key.
    pub async fn ask_keyed(
        &self,
        line: &str,
        token: Option<&str>,
        key: &str,
        body: Value,
        status: u16,
    ) -> Value {
        let (method, path) = line.split_once(' ').unwrap();
        let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40000)));
        let mut request = Request::builder().method(method).uri(path).extension(peer);
        request = request.header("host", "api.localhost").header("user-agent", "released");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        let answer = self.app.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let answered = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        assert_eq!(answered, status, "{line} answered {body}");
        body
    }
}
