//! Hands the requests of a connection to the router, and keeps its clock informed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use tower::Service;

use super::answer::{Exchange, Tracked};
use super::crowd::{Order, Seat};

pub(super) async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    mut router: Router,
    seat: Arc<Seat>,
) -> Result<Response<Tracked>, Infallible> {
    let is_http2 = request.version() == Version::HTTP_2;
    let exchange = Exchange::begin(seat.clone(), is_http2);
    seat.room().await;
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut response = router.call(request).await?;
    // HTTP/2 says it for the whole connection, in a frame of its own.
    if !is_http2 && matches!(seat.order(), Order::Drain | Order::Stop) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Tracked::new(body, exchange)))
}
