//! What came back, and what a test may claim about it.

use axum::body::{Bytes, to_bytes};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::proof;

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Method and path of the request, for the messages of failed tests.
    request: String,
}

impl Reply {
    pub(super) async fn read(request: String, response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body is read to its end");
        proof::body(&body);
        Self { status: parts.status, headers: parts.headers, body, request }
    }

    /// Claims a status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} answered {}", self.request, self.text());
        self
    }

    /// Claims a problem (RFC 9457) of this status and code, whole in all that every problem has.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let this = self.expect(status);
        let (body, shown) = (this.json(), format!("{} answered {}", this.request, this.text()));
        assert_eq!(body["code"], code, "{shown}");
        assert_eq!(this.header("content-type"), Some("application/problem+json"), "{shown}");
        assert_eq!(body["status"], status, "{shown}");
        assert_eq!(body["type"], format!("/errors/{code}"), "{shown}");
        assert_eq!(body["request_id"].as_str(), this.header("x-request-id"), "{shown}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{shown}");
        let challenged = this.header("www-authenticate").is_some();
        assert!(challenged || status != 401, "{shown}: a 401 carries a challenge");
        assert!(!challenged || matches!(status, 401 | 403), "{shown}: only 401 and 403 carry a challenge");
        let says_when = this.header("retry-after").is_some();
        assert!(says_when || !matches!(status, 429 | 503), "{shown}: it says when to come back");
        this
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} answered no JSON ({error}): {}", self.request, self.text()))
    }

    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of text"))
    }

    /// Everything that a stranger could compare: all but the name of the request.
    pub fn seen(&self) -> (u16, Vec<(String, String)>, String) {
        let id = self.header("x-request-id").unwrap_or_default();
        let headers = self.headers.iter().filter(|(name, _)| name.as_str() != "x-request-id");
        let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
        (self.status.as_u16(), headers, self.text().replace(id, ""))
    }

    /// Pointer and code of each fault of the body, in order of the pointers.
    #[track_caller]
    pub fn faults(&self) -> Vec<(String, String)> {
        let body = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let faults = body["errors"].as_array().cloned().unwrap_or_default();
        let mut faults: Vec<_> =
            faults.iter().map(|fault| (text(&fault["pointer"]), text(&fault["code"]))).collect();
        faults.sort();
        faults
    }
}
