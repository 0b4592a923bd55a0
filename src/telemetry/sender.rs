//! How traces, metrics and error reports leave: by a blocking client, from threads of their own.

use std::pin::Pin;
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;

/// The longest that a request to a collector may take. Who does not answer in this time holds up the thread
/// that sends, and what it would have sent next.
const PATIENCE: Duration = Duration::from_secs(5);

/// What of an answer is read; the rest of it is of no use.
const MOST: u64 = 64 * 1024;

/// A client that goes nowhere but where it was told to.
pub(super) fn agent() -> Agent {
    let settings = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
    settings.build().new_agent()
}

/// Carries what OpenTelemetry has packed.
#[derive(Debug)]
pub(super) struct Sender(Agent);

impl Sender {
    pub fn new() -> Self {
        Self(agent())
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.0.run(request.map(|body| body.to_vec()))?;
        let body = answer.body_mut().with_config().limit(MOST).read_to_vec()?;
        Ok(answer.map(|_| body.into()))
    }
}

/// What `#[async_trait]` would make of an `async fn`. It blocks, and is called on the thread that sends only.
impl HttpClient for Sender {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move { self.send(request) })
    }
}
