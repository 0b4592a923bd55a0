//! Answers that are written while they are sent: their status is long gone when they end too early.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// A body, and who is told once if it does not come to its end: of the error, or of none where nobody takes the
/// rest.
pub(super) struct Streamed<F: FnOnce(Option<&Error>)> {
    body: Body,
    tell: Option<F>,
}

impl<F: FnOnce(Option<&Error>) + Send + Unpin + 'static> Streamed<F> {
    pub fn body(body: Body, tell: F) -> Body {
        Body::new(Self { body, tell: Some(tell) })
    }
}

impl<F: FnOnce(Option<&Error>) + Unpin> HttpBody for Streamed<F> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(_)) => {}
            None => self.tell = None,
            Some(Err(error)) => {
                if let Some(tell) = self.tell.take() {
                    tell(Some(error));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F: FnOnce(Option<&Error>)> Drop for Streamed<F> {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take().filter(|_| !self.body.is_end_stream()) {
            tell(None);
        }
    }
}
