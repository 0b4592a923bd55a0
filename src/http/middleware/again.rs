//! A request whose transaction the database gave up for the sake of others (a serialisation failure, a
//! deadlock) begins once more: of such a transaction nothing is left.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::time::sleep;

use crate::db::DbError;
use crate::db::attempt::attempt;
use crate::http::Problem;

/// How long to wait before the second attempt and those after it: whoever won has to be done.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(5), Duration::from_millis(20), Duration::from_millis(80)];

pub(super) async fn repeat(request: Request, next: Next) -> Response {
    // What only reads is not worth its price: nobody gives up a single statement that reads.
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let seen = Seen::of(&body);
    let mut request = Request::from_parts(head.clone(), Body::new(Watched { body, seen: seen.clone() }));
    for pause in PAUSES {
        let (response, committed) = attempt(next.clone().run(request)).await;
        let Some(body) = seen.whole().filter(|_| !committed && is_given_up(&response)) else {
            return response;
        };
        tracing::info!("the database gave up the transaction for others: once more");
        sleep(pause).await;
        request = Request::from_parts(head.clone(), body);
    }
    next.run(request).await
}

fn is_given_up(response: &Response) -> bool {
    let problem = response.extensions().get::<Problem>();
    let mut causes = problem.into_iter().flat_map(Problem::causes);
    causes.any(|cause| cause.downcast_ref().is_some_and(DbError::is_given_up))
}

/// What was read of a body.
#[derive(Clone)]
struct Seen(Arc<Mutex<Pieces>>);

struct Pieces {
    data: Vec<Bytes>,
    is_whole: bool,
}

impl Seen {
    /// Nothing yet, which is all of an empty one.
    fn of(body: &Body) -> Self {
        Self(Arc::new(Mutex::new(Pieces { data: Vec::new(), is_whole: body.is_end_stream() })))
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same body anew; `None` if it was not read to its end.
    fn whole(&self) -> Option<Body> {
        let pieces = self.pieces();
        pieces.is_whole.then(|| Body::from(pieces.data.concat()))
    }
}

/// A body that leaves behind what is read of it.
struct Watched {
    body: Body,
    seen: Seen,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let mut pieces = self.seen.pieces();
        match &frame {
            Some(Ok(frame)) => pieces.data.extend(frame.data_ref().cloned()),
            Some(Err(_)) => {}
            None => pieces.is_whole = true,
        }
        drop(pieces);
        // As it was: `Body` wraps it anew.
        Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::into_inner)))
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
    use std::fmt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::{Method, StatusCode};
    use axum::middleware::from_fn;
    use axum::response::IntoResponse;
    use axum::routing::any;
    use sqlx::error::{DatabaseError, ErrorKind};
    use tower::ServiceExt;

    use super::*;
    use crate::db::attempt::note_commit;
    use crate::http::Code;

    /// An error of PostgreSQL, by its SQLSTATE.
    #[derive(Debug)]
    struct State(&'static str);

    impl fmt::Display for State {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for State {}

    impl DatabaseError for State {
        fn message(&self) -> &str {
            self.0
        }
        fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
            Some(self.0.into())
        }
        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn failed(state: &'static str) -> Response {
        Problem::from(DbError::from(sqlx::Error::Database(Box::new(State(state))))).into_response()
    }

    /// What a request of this method comes to that fails as `state` says until its `works`th attempt, and how
    /// many attempts there were.
    async fn asked(method: Method, state: &'static str, works: usize, commits: bool) -> (Response, usize) {
        let attempts = Arc::new(AtomicUsize::new(0));
        let count = attempts.clone();
        let handler = move |body: Bytes| async move {
            if commits {
                note_commit();
            }
            if count.fetch_add(1, Ordering::Relaxed) + 1 < works {
                failed(state)
            } else {
                body.into_response()
            }
        };
        let router = Router::new().route("/", any(handler)).layer(from_fn(repeat));
        let request = Request::builder().method(method).uri("/").body(Body::from("sent")).unwrap();
        let response = router.oneshot(request).await.unwrap();
        (response, attempts.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn what_was_given_up_for_others_begins_again_with_the_same_body() {
        for state in ["40001", "40P01"] {
            let (response, attempts) = asked(Method::POST, state, 3, false).await;
            assert_eq!((response.status(), attempts), (StatusCode::OK, 3), "{state}");
            assert_eq!(axum::body::to_bytes(response.into_body(), 9).await.unwrap(), "sent");
        }
    }

    #[tokio::test]
    async fn what_is_given_up_each_time_is_answered_so() {
        let (response, attempts) = asked(Method::POST, "40001", usize::MAX, false).await;
        let code = response.extensions().get::<Problem>().map(Problem::code);
        assert_eq!((code, attempts), (Some(Code::DATABASE_UNAVAILABLE), 1 + PAUSES.len()));
    }

    #[tokio::test]
    async fn what_was_committed_in_part_or_failed_otherwise_or_only_reads_is_not_done_again() {
        for (method, state, commits) in
            [(Method::POST, "40001", true), (Method::POST, "57P01", false), (Method::GET, "40001", false)]
        {
            assert_eq!(asked(method, state, 2, commits).await.1, 1, "{state}");
        }
    }
}
