//! Turns requests away when there are too many, before anything of them is read.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use crate::base::network::Network;
use crate::http::extract::ClientAddress;
use crate::http::load::{Load, Ticket};
use crate::http::{Code, Problem};

pub(super) async fn admit(State(load): State<Load>, request: Request, next: Next) -> Response {
    let route = request.extensions().get().map(MatchedPath::as_str);
    let address: ClientAddress = request.extensions().get().copied().unwrap_or_default();
    let has_body = !request.body().is_end_stream();
    let Some(ticket) = load.admit(route, Network::of(address.0), has_body).map(Arc::new) else {
        return Problem::new(Code::OVERLOADED).into_response();
    };
    let arrival = Arrival(ticket.clone());
    let request = request.map(|body| if has_body { kept_beside(body, arrival) } else { body });
    let response = next.run(request).await;
    match response.body().size_hint().exact() {
        Some(_) => response,
        None if ticket.sends() => response.map(|body| kept_beside(body, ticket)),
        None => Problem::new(Code::OVERLOADED).into_response(),
    }
}

/// The body, and something that is dropped with it.
fn kept_beside(body: Body, guard: impl Send + 'static) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _ = &guard;
        frame
    }))
}

/// Dropped when the body was read, or will not be.
struct Arrival(Arc<Ticket>);

impl Drop for Arrival {
    fn drop(&mut self) {
        self.0.received();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::body::{Bytes, to_bytes};
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use futures_util::stream;
    use tokio::sync::mpsc;
    use tower::ServiceExt;

    use super::*;
    use crate::http::load::Room;

    type Chunk = Result<&'static str, std::io::Error>;

    fn router(load: &Load) -> Router {
        let streamed = || async { Body::from_stream(stream::pending::<Chunk>()) };
        Router::new()
            .route("/echo", post(|body: Bytes| async { body }))
            .route("/stream", post(streamed))
            .layer(from_fn_with_state(load.clone(), admit))
    }

    fn request(path: &str, body: Body) -> Request {
        Request::post(path).body(body).unwrap()
    }

    #[tokio::test]
    async fn a_body_is_on_its_way_until_its_end_and_a_stream_under_way_until_it_is_dropped() {
        let room = Room { working: 9, receiving: 1, sending: 1 };
        let load = Load::new(room, &[]);
        let (sender, mut receiver) = mpsc::unbounded_channel::<Chunk>();
        let body = Body::from_stream(stream::poll_fn(move |context| receiver.poll_recv(context)));
        let slow = tokio::spawn(router(&load).oneshot(request("/echo", body)));
        while load.under_way() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let refused = router(&load).oneshot(request("/echo", Body::from("x"))).await.unwrap();
        assert_eq!((refused.status().as_u16(), load.refused()), (503, 1));
        sender.send(Ok("sl")).unwrap();
        sender.send(Ok("ow")).unwrap();
        drop(sender);
        let answer = slow.await.unwrap().unwrap();
        assert_eq!(to_bytes(answer.into_body(), 9).await.unwrap(), "slow");
        assert_eq!(load.under_way(), 0);
        let streamed = router(&load).oneshot(request("/stream", Body::empty())).await.unwrap();
        let refused = router(&load).oneshot(request("/stream", Body::empty())).await.unwrap();
        assert_eq!((refused.status().as_u16(), load.under_way(), load.refused()), (503, 1, 2));
        drop((streamed, refused));
        assert_eq!(load.under_way(), 0);
    }
}
