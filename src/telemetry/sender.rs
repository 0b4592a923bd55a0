//! How traces, metrics and error reports leave: by a blocking client, from threads of their own.

use std::io::Read;
use std::pin::Pin;
use std::time::Duration;

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::middleware::MiddlewareNext;
use ureq::{Agent, Body, SendBody};

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
        .middleware(shortened)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
    settings.build().new_agent()
}

fn shortened(
    request: Request<SendBody<'_>>,
    next: MiddlewareNext<'_>,
) -> Result<Response<Body>, ureq::Error> {
    Ok(next.handle(request)?.map(|body| Body::builder().reader(body.into_reader().take(MOST))))
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
        let body = answer.body_mut().read_to_vec()?;
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn of_an_answer_without_an_end_only_so_much_is_read() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        });
        let mut answer = agent().get(format!("http://{address}/")).call().unwrap();
        assert_eq!(answer.body_mut().read_to_vec().unwrap().len() as u64, MOST);
    }
}
