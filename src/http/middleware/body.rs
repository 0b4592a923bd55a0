//! A body has an end: in bytes and in time. Who reads it gets the error, and `extract` names it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::Limited;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::extract::json::MAX_BODY;
use crate::http::extract::rejection::TooSlow;

pub(super) async fn bound(State(deadline): State<Duration>, request: Request, next: Next) -> Response {
    let is_empty = request.body().is_end_stream();
    let bound = |body| Body::new(Limited::new(Paced::new(body, PACE, deadline), MAX_BODY));
    next.run(if is_empty { request } else { request.map(bound) }).await
}

/// How slowly a body may come.
#[derive(Clone, Copy)]
struct Pace {
    /// Every line delivers a first packet by then, even one that loses some.
    grace: Duration,
    /// After that. What is slower is held back, not sent.
    bytes_per_second: u32,
}

const PACE: Pace = Pace { grace: Duration::from_secs(3), bytes_per_second: 16 << 10 };

/// A body that has to come at a pace, and be here by a deadline.
struct Paced {
    body: Body,
    pace: Pace,
    begun: Instant,
    deadline: Duration,
    received: usize,
    /// Until when the next piece has to be here.
    patience: Pin<Box<Sleep>>,
}

impl Paced {
    fn new(body: Body, pace: Pace, deadline: Duration) -> Self {
        let begun = Instant::now();
        let patience = Box::pin(sleep_until(begun + deadline.min(pace.grace)));
        Self { body, pace, begun, deadline, received: 0, patience }
    }

    fn count(&mut self, bytes: usize) {
        self.received += bytes;
        let received = u32::try_from(self.received).unwrap_or(u32::MAX);
        let patience = self.pace.grace + Duration::from_secs(1) * received / self.pace.bytes_per_second;
        self.patience.as_mut().reset(self.begun + patience.min(self.deadline));
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
                let bytes = data.len();
                self.count(bytes);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.patience.as_mut().poll(context));
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::to_bytes;
    use futures_util::stream;
    use tokio::time::sleep;

    use super::*;

    const PACE: Pace = Pace { grace: Duration::from_millis(300), bytes_per_second: 1000 };
    const LONG: Duration = Duration::from_secs(60);

    /// Reads so many pieces of such a size, of which one comes every 50 ms.
    async fn read(pieces: usize, size: usize, deadline: Duration) -> Result<Bytes, axum::Error> {
        let slow = stream::unfold(0, move |number| async move {
            sleep(Duration::from_millis(50)).await;
            (number < pieces).then(|| (Ok::<_, Infallible>(vec![b'x'; size]), number + 1))
        });
        to_bytes(Body::new(Paced::new(Body::from_stream(slow), PACE, deadline)), usize::MAX).await
    }

    #[tokio::test]
    async fn a_body_may_take_its_time_but_not_for_a_byte_at_a_time() {
        let begun = Instant::now();
        assert!(read(usize::MAX, 1, LONG).await.is_err());
        assert!((PACE.grace..LONG).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        assert_eq!(read(10, 1000, LONG).await.unwrap().len(), 10_000);
    }

    #[tokio::test]
    async fn a_body_that_comes_at_a_pace_has_to_be_here_in_time_too() {
        assert!(read(usize::MAX, 1000, Duration::from_millis(500)).await.is_err());
    }
}
