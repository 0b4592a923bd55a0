//! Asking servers under drill: many questions at once, over connections that stay open.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// One request that has not been sent yet. `Call::post("auth/login").with(json)`
#[derive(Clone)]
pub struct Call {
    method: Method,
    path: String,
    token: Option<String>,
    body: Option<Value>,
    from: Option<IpAddr>,
    headers: Vec<(&'static str, String)>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// `null` unless the answer is JSON.
    pub body: Value,
    asked: String,
}

/// A server, as a caller sees it. Clones share the connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    faults: Faults,
}

/// The answers that say that the server itself failed (5xx), counted over all clients of a drill.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<BTreeMap<String, u64>>>);

impl Call {
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    pub fn put(path: &str) -> Self {
        Self::new(Method::PUT, path)
    }

    pub fn patch(path: &str) -> Self {
        Self::new(Method::PATCH, path)
    }

    pub fn delete(path: &str) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// A path below `/api/v1`, or with a slash before it one of the whole server.
    fn new(method: Method, path: &str) -> Self {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/{path}") };
        Self { method, path, token: None, body: None, from: None, headers: Vec::new() }
    }

    /// As whoever holds this access token.
    pub fn by(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    pub fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// As a trusted proxy passes it on for this address.
    pub fn from(self, address: IpAddr) -> Self {
        Self { from: Some(address), ..self }
    }
}

impl Client {
    pub fn new(base: String, faults: &Faults) -> Result<Self> {
        Self::with(reqwest::Client::builder(), base, faults)
    }

    /// A caller at one of this machine's addresses.
    pub fn at(address: IpAddr, base: String, faults: &Faults) -> Result<Self> {
        Self::with(reqwest::Client::builder().local_address(address), base, faults)
    }

    /// A caller with connections of its own kind.
    pub fn with(builder: reqwest::ClientBuilder, base: String, faults: &Faults) -> Result<Self> {
        let http = builder.no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, base, faults: faults.clone() })
    }

    /// An error only if there is no answer.
    pub async fn send(&self, call: Call) -> Result<Answer> {
        let asked = format!("{} {}", call.method, call.path);
        let mut request = self.http.request(call.method, format!("{}{}", self.base, call.path));
        if let Some(token) = &call.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(address) = call.from {
            request = request.header("X-Forwarded-For", address.to_string());
        }
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.with_context(|| asked.clone())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.with_context(|| asked.clone())?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let answer = Answer { status, headers, body, asked };
        if status >= 500 {
            self.faults.note(&answer);
        }
        Ok(answer)
    }
}

/// Sends all calls at the same moment, the first to the first client and so on around.
pub async fn at_once(clients: &[Client], calls: Vec<Call>) -> Result<Vec<Answer>> {
    let start = Arc::new(Barrier::new(calls.len()));
    let mut tasks = JoinSet::new();
    for (index, (call, client)) in calls.into_iter().zip(clients.iter().cycle().cloned()).enumerate() {
        let start = start.clone();
        tasks.spawn(async move {
            start.wait().await;
            (index, client.send(call).await)
        });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Status and code, for a reader.
    pub fn shown(&self) -> String {
        format!("{} {} {}", self.asked, self.status, self.code()).trim_end().to_owned()
    }

    /// An error unless this was the status.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "{} and not {status}: {}", self.shown(), self.body);
        Ok(self)
    }

    /// A field of the body that must be text.
    pub fn text(&self, field: &str) -> Result<String> {
        let text = self.body[field].as_str();
        Ok(text.with_context(|| format!("{} has no `{field}`: {}", self.shown(), self.body))?.to_owned())
    }
}

impl Faults {
    fn note(&self, answer: &Answer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(answer.shown()).or_default() += 1;
    }

    /// What was asked and answered, and how often.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
