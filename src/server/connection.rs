//! One connection, from its first byte to its end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use super::activity::{Moment, Patience};
use super::crowd::{Member, Order, Seat};
use super::service;
use super::tls::Tls;
use super::watched::Watched;

/// Longer than the minute for which load balancers keep connections that they may use again.
const IDLE: Duration = Duration::from_secs(75);
/// How long a connection is waited for at the end that has no request.
const LINGER: Duration = Duration::from_millis(500);
/// How long one of HTTP/2 may take for its good-byes, and for the rest of answers that are on their way.
const FAREWELL: Duration = Duration::from_secs(5);
/// A header of HTTP/1 that does not fit is 431 from hyper, without a body. Below it, `http/middleware/limits.rs` answers.
const MAX_HEAD: usize = 64 << 10;
/// Of HTTP/2; each field counts 32 bytes more than it has (RFC 9113 §6.5.2).
const MAX_HEADER_LIST: u32 = 32 << 10;
/// Requests at once on one connection of HTTP/2.
const MAX_STREAMS: u32 = 100;
/// What may be on its way to us without having been read: on one stream, and on the connection.
const WINDOWS: [u32; 2] = [128 << 10, 512 << 10];
/// How often HTTP/2 asks whether the other side is there, and how long it waits for the answer.
const PING: Duration = Duration::from_secs(20);

/// On what terms a connection is served.
pub(super) struct Terms {
    patience: Patience,
    builder: Builder<TokioExecutor>,
}

impl Terms {
    pub(super) fn of(request_timeout: Duration) -> Self {
        let patience = Patience {
            head: request_timeout / 3,
            idle: IDLE,
            // A handler ends by itself after the first.
            answer: request_timeout * 2,
            write: request_timeout,
        };
        let mut builder = Builder::new(TokioExecutor::new());
        // Hyper's own clock would count the time between two requests as that of a header.
        builder.http1().header_read_timeout(None).max_buf_size(MAX_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST)
            .initial_stream_window_size(WINDOWS[0])
            .initial_connection_window_size(WINDOWS[1]);
        Self { patience, builder }
    }
}

/// The handshake; `None` where it fails, takes too long, or nobody wants it any more.
pub(super) async fn greet(
    tls: &Tls,
    stream: TcpStream,
    member: &Member,
    terms: &Terms,
) -> Option<TlsStream<TcpStream>> {
    let mut handshake = pin!(timeout(terms.patience.head, tls.accept(stream)));
    let done = poll_fn(|context| {
        if let Poll::Ready(done) = handshake.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        member.seat.servant.register(context.waker());
        if member.seat.order() >= Order::Stop { Poll::Ready(None) } else { Poll::Pending }
    });
    done.await?.ok()?.inspect_err(|error| tracing::debug!(%error, "no TLS handshake")).ok()
}

/// Serves a connection to its end.
pub(super) async fn converse<I>(stream: I, peer: SocketAddr, router: Router, member: &Member, terms: &Terms)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let seat = &member.seat;
    let stream = TokioIo::new(Watched::new(stream, seat.activity.clone()));
    let service = service_fn(|request| service::answer(request, peer, router.clone(), seat.clone()));
    let mut connection = pin!(terms.builder.serve_connection(stream, service));
    let mut course = Course::default();
    let mut alarm = pin!(sleep_until(Moment::now().plus(terms.patience.head).instant()));
    poll_fn(|context| {
        loop {
            // First of all, so that what has come already is answered.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            seat.servant.register(context.waker());
            let (order, rang) = (seat.order(), alarm.as_mut().poll(context).is_ready());
            if order == course.order && !rang {
                return Poll::Pending;
            }
            match course.next(order, seat, &terms.patience, Moment::now()) {
                Step::Wait(until) => alarm.as_mut().reset(until.instant()),
                Step::WindDown(until) => {
                    connection.as_mut().graceful_shutdown();
                    alarm.as_mut().reset(until.instant());
                }
                Step::Stay => member.stay(),
                Step::Close => return Poll::Ready(()),
            }
        }
    })
    .await;
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Look again then.
    Wait(Moment),
    /// Take no more requests, and look again then.
    WindDown(Moment),
    /// Forget the order: a request was faster.
    Stay,
    Close,
}

/// Where a connection is on its way.
#[derive(Default)]
struct Course {
    order: Order,
    /// The order by which it takes no more requests.
    wound_down: Option<Order>,
}

impl Course {
    fn next(&mut self, order: Order, seat: &Seat, patience: &Patience, now: Moment) -> Step {
        let is_new = order != std::mem::replace(&mut self.order, order);
        let activity = &seat.activity;
        match order {
            Order::Leave if activity.is_busy() && !activity.is_stalled() => Step::Stay,
            Order::Leave | Order::Go => Step::Close,
            // It was just made, and its request may be on its way.
            Order::Stop if is_new && !activity.has_served() => Step::Wait(now.plus(LINGER)),
            Order::Stop if self.wound_down != Some(order) => self.wind_down(seat, now),
            Order::Stop if !activity.is_in_use() => Step::Close,
            Order::Drain if is_new && activity.is_http2() => self.wind_down(seat, now),
            Order::Stop | Order::Drain | Order::None => self.look_on(seat, patience, now),
        }
    }

    fn wind_down(&mut self, seat: &Seat, now: Moment) -> Step {
        self.wound_down = Some(self.order);
        Step::WindDown(now.plus(if seat.activity.is_http2() { FAREWELL } else { LINGER }))
    }

    fn look_on(&mut self, seat: &Seat, patience: &Patience, now: Moment) -> Step {
        let (activity, due) = (&seat.activity, seat.activity.due(patience));
        if now < due {
            // A state that began a moment ago may end sooner than the one before it.
            Step::Wait(due.min(now.plus(patience.head / 2)))
        } else if activity.is_http2() && !activity.is_in_use() && self.wound_down.is_none() {
            self.wind_down(seat, now)
        } else {
            Step::Close
        }
    }
}
