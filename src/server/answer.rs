//! An answer on its way: it counts until its last byte was taken, wherever it waits until then.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use hyper::body::{Body as HttpBody, Buf, Bytes, Frame, SizeHint};

use super::crowd::Seat;
use super::held::BESIDE;

/// A request under way, from its beginning until its answer was taken or nobody wants it any more.
pub(super) struct Exchange {
    seat: Arc<Seat>,
    number: u32,
}

impl Exchange {
    pub(super) fn begin(seat: Arc<Seat>, is_http2: bool) -> Self {
        let number = seat.activity.begin(is_http2);
        seat.hold(BESIDE);
        Self { seat, number }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.seat.release(BESIDE);
        self.seat.activity.end();
    }
}

/// The body of an answer.
pub(super) struct Tracked {
    body: Body,
    /// The bytes of the body that are known to be there.
    known: usize,
    exchange: Arc<Exchange>,
}

impl Tracked {
    pub(super) fn new(body: Body, exchange: Exchange) -> Self {
        let known = usize::try_from(body.size_hint().exact().unwrap_or(0)).unwrap_or(usize::MAX);
        exchange.seat.hold(known);
        Self { body, known, exchange: Arc::new(exchange) }
    }

    fn piece(&mut self, bytes: Bytes) -> Piece {
        let (size, seat) = (bytes.len(), &self.exchange.seat);
        let counted = size.min(self.known);
        self.known -= counted;
        seat.hold(size - counted);
        seat.activity.hands_over(self.exchange.number);
        Piece { bytes, size, exchange: self.exchange.clone() }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.exchange.seat.release(self.known);
    }
}

impl HttpBody for Tracked {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| self.piece(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A piece of an answer. HTTP/2 lets any number of them wait until the other side makes room, and drops each
/// when all of it is written.
pub(super) struct Piece {
    bytes: Bytes,
    size: usize,
    exchange: Arc<Exchange>,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if count > 0 {
            self.exchange.seat.activity.taken(self.exchange.number);
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.exchange.seat.release(self.size);
        self.exchange.seat.activity.handed_over(self.exchange.number);
    }
}
