//! Whoever traces, figures and error reports are sent to: keeps them, or misbehaves.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

type Kept = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A web server in the test's own process, for as long as the test runs. It needs a thread of its own: the test
/// waits for the end of its server.
pub struct Receiver {
    pub port: u16,
    kept: Kept,
    manner: Arc<Mutex<Manner>>,
}

/// What it does with what it is sent.
#[derive(Clone, Copy)]
pub enum Manner {
    Keeps,
    /// Never answers.
    Hangs,
    /// Says 500 and shows a page of HTML.
    Fails,
}

impl Receiver {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Kept::default();
        let manner = Arc::new(Mutex::new(manner));
        let router = Router::new().fallback(take).with_state((manner.clone(), kept.clone()));
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, kept, manner }
    }

    /// Treats what comes from now on in another way.
    pub fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// All that came for a path, in order.
    pub fn received(&self, path: &str) -> Vec<Bytes> {
        let kept = self.kept.lock().unwrap();
        kept.iter().filter(|(to, _)| to == path).map(|(_, body)| body.clone()).collect()
    }
}

async fn take(
    State((manner, kept)): State<(Arc<Mutex<Manner>>, Kept)>,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, &'static str) {
    kept.lock().unwrap().push((uri.path().to_owned(), body));
    let manner = *manner.lock().unwrap();
    match manner {
        Manner::Keeps => (StatusCode::OK, ""),
        Manner::Hangs => std::future::pending().await,
        Manner::Fails => (StatusCode::INTERNAL_SERVER_ERROR, "<html><body>It broke.</body></html>"),
    }
}
