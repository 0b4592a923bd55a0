//! Asking a server as anyone would: by `curl`.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process;

/// One request. `Call::to("POST", "/path").with(json)` is not sent before [`Call::send`].
pub struct Call<'a> {
    method: &'a str,
    path: &'a str,
    token: Option<&'a str>,
    body: Option<&'a Value>,
}

pub struct Answer {
    pub status: u16,
    /// `null` unless the answer is JSON.
    pub body: Value,
    asked: String,
}

impl<'a> Call<'a> {
    pub fn to(method: &'a str, path: &'a str) -> Self {
        Self { method, path, token: None, body: None }
    }

    /// As whoever holds this access token.
    pub fn by(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }

    pub fn with(mut self, body: &'a Value) -> Self {
        self.body = Some(body);
        self
    }

    pub fn send(self, base_url: &str) -> Result<Answer> {
        let mut curl = process::command("curl");
        // No settings of whoever runs this, no proxy.
        curl.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]);
        curl.args(["--write-out", "\n%{http_code}", "--request", self.method]);
        if base_url.starts_with("https:") {
            // A certificate that was made for the run.
            curl.arg("--insecure");
        }
        if let Some(token) = self.token {
            curl.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        if let Some(body) = self.body {
            curl.args(["--header", "Content-Type: application/json", "--data-raw", &body.to_string()]);
        }
        let output = process::output(curl.arg(format!("{base_url}{}", self.path)))?;
        let (body, status) = output.rsplit_once('\n').context("curl told no status")?;
        let body = serde_json::from_str(body).unwrap_or_default();
        Ok(Answer { status: status.parse()?, body, asked: format!("{} {}", self.method, self.path) })
    }
}

impl Answer {
    /// Says what was asked and answered; an error unless this was the status.
    pub fn expect(self, status: u16) -> Result<Self> {
        let Self { asked, body, .. } = &self;
        println!("  {asked:<32} {} {}", self.status, body["code"].as_str().unwrap_or_default());
        ensure!(self.status == status, "{asked} answers {} and not {status}: {body}", self.status);
        Ok(self)
    }

    /// The same for an error, which has a code besides.
    pub fn refused(self, status: u16, code: &str) -> Result<()> {
        let Self { asked, body, .. } = self.expect(status)?;
        ensure!(body["code"] == code, "{asked} is refused, but not as `{code}`: {body}");
        Ok(())
    }

    /// A field of the body that must be text.
    pub fn text(&self, field: &str) -> Result<String> {
        let text = self.body[field].as_str();
        Ok(text
            .with_context(|| format!("{} answers without `{field}`: {}", self.asked, self.body))?
            .to_owned())
    }
}
