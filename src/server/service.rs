//! Hands the requests of a connection to the router, and keeps its clock informed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, Version};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tower::Service;

use super::activity::Activity;
use super::crowd::{Order, Seat};

pub(super) async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    mut router: Router,
    seat: Arc<Seat>,
) -> Result<Response<Tracked>, Infallible> {
    let is_http2 = request.version() == Version::HTTP_2;
    seat.activity.begin(is_http2);
    let busy = Busy(seat.activity.clone());
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut response = router.call(request).await?;
    // HTTP/2 says it for the whole connection, in a frame of its own.
    if !is_http2 && matches!(seat.order(), Order::Drain | Order::Stop) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let number = seat.activity.answer();
    Ok(response.map(|body| Tracked { body, number, busy }))
}

/// Dropped when the answer has been handed over, or nobody wants it any more.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of an answer.
pub(super) struct Tracked {
    body: Body,
    number: u32,
    busy: Busy,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.busy.0.answered(self.number, false);
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let poll = Pin::new(&mut self.body).poll_frame(context);
        self.busy.0.answered(self.number, poll.is_ready());
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
