//! Who sends requests, and the requests they send.

use std::future::{Future, IntoFuture};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::request::Builder;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::proof;
use super::reply::Reply;

/// Somebody with an address and perhaps an access token. Clones are the same somebody.
#[derive(Clone)]
pub struct Client {
    router: Router,
    address: IpAddr,
    token: Option<String>,
}

/// A request that is sent when it is awaited.
#[must_use = "a request is sent when it is awaited"]
pub struct Call {
    router: Router,
    request: Builder,
    body: Body,
}

impl Client {
    pub(super) fn new(router: Router) -> Self {
        Self { router, address: Ipv4Addr::new(192, 0, 2, 7).into(), token: None }
    }

    /// The same somebody with this access token.
    pub fn with_token(&self, token: &str) -> Self {
        proof::secret(token);
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same somebody at another address.
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.parse().expect("an IP address"), ..self.clone() }
    }

    pub fn get(&self, path: &str) -> Call {
        self.request("GET", path)
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        self.request("POST", path).json(body)
    }

    pub fn patch(&self, path: &str, body: Value) -> Call {
        self.request("PATCH", path).json(body)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.request("DELETE", path)
    }

    /// Any request, with the token of this client but no body.
    pub fn request(&self, method: &str, path: &str) -> Call {
        let peer = ConnectInfo(SocketAddr::new(self.address, 40000));
        let mut request = Request::builder().method(method).uri(path).extension(peer);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Call { router: self.router.clone(), request, body: Body::empty() }
    }

    pub fn register(&self, email: &str, password: &str) -> Call {
        self.post("/api/v1/auth/register", json!({"email": email, "password": password}))
    }

    pub fn login(&self, email: &str, password: &str) -> Call {
        self.post("/api/v1/auth/login", json!({"email": email, "password": password}))
    }

    pub fn refresh(&self, refresh_token: &str) -> Call {
        self.post("/api/v1/auth/refresh", json!({"refresh_token": refresh_token}))
    }
}

impl Call {
    /// Adds a header; one of the same name stays.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value that a header can hold");
        self.request = self.request.header(name, value);
        self
    }

    pub fn json(self, body: Value) -> Self {
        proof::body(body.to_string().as_bytes());
        self.body("application/json", body.to_string())
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// Sends it. Of the answer's body nothing is read yet: what there is to read, the server has yet to find.
    pub async fn begin(self) -> Response {
        self.send().await.1
    }

    /// The answer, and method and path of the request.
    async fn send(self) -> (String, Response) {
        let mut request = self.request.body(self.body).expect("a request");
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("api.localhost"));
        let line = format!("{} {}", request.method(), request.uri());
        (line, self.router.oneshot(request).await.expect("the router always answers"))
    }
}

impl IntoFuture for Call {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (line, response) = self.send().await;
            Reply::read(line, response).await
        })
    }
}
