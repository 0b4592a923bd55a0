//! What a request leaves in the log.

use std::future::pending;
use std::sync::Mutex;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use futures_util::{FutureExt, stream};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::base::id::UserId;
use crate::http::Code;
use crate::telemetry::subject::called_by;

/// The lines at `level` and above that a request to `path` leaves.
async fn logged(level: tracing::Level, path: &str) -> Vec<serde_json::Value> {
    logged_of(level, "GET", path, Tasks::default()).await
}

async fn logged_of(level: tracing::Level, method: &str, path: &str, tasks: Tasks) -> Vec<serde_json::Value> {
    let sink = Arc::new(Mutex::new(Vec::new()));
    let writer = sink.clone();
    let make_writer = move || Sink(writer.clone());
    let log =
        tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_writer(make_writer);
    let _guard = tracing::subscriber::set_default(log.finish());
    let user: UserId = "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa".parse().unwrap();
    let name = move || async move { called_by(user) };
    let router = Router::new()
        .route("/users/{id}", get(name))
        .route("/health/live", get(|| async {}))
        .route("/health/system", get(|| async { Problem::new(Code::INVALID_TOKEN) }))
        .route("/metrics", get(|| async {}))
        .route("/never", get(pending::<()>))
        .route("/broken", get(|| async { Problem::new(Code::INTERNAL_ERROR).caused_by("disk on fire") }))
        .route("/left", get(|| async { (StatusCode::ACCEPTED, Body::from_stream(stream::iter(whole()))) }))
        .route("/whole", get(|| async { Body::from_stream(stream::iter(whole())) }))
        .route("/half", get(|| async { Body::from_stream(stream::iter(half())) }))
        .route("/refused", get(|| async { Problem::new(Code::MALFORMED_JSON).caused_by("quoted words") }))
        .route("/busy", get(|| async { Problem::new(Code::OVERLOADED) }))
        .layer(from_fn_with_state((false, tasks), record));
    let answer = router.oneshot(Request::builder().method(method).uri(path).body(Body::empty()).unwrap());
    if path == "/never" {
        assert!(answer.now_or_never().is_none(), "it is asked, and given up");
    } else if path == "/left" {
        let mut body = answer.await.unwrap().into_body();
        assert!(body.frame().await.is_some(), "the first piece is taken, and no more");
    } else {
        let read = answer.await.unwrap().into_body().collect().await;
        assert_eq!(read.is_err(), path == "/half");
    }
    let text = String::from_utf8(sink.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A piece, and why there is no more.
fn half() -> [Result<&'static str, Problem>; 2] {
    [Ok("["), Err(Problem::new(Code::INTERNAL_ERROR).caused_by("disk on fire"))]
}

fn whole() -> [Result<&'static str, Problem>; 2] {
    [Ok("["), Ok("]")]
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_is_one_line_with_its_route_and_caller_but_not_its_path() {
    let lines = logged(tracing::Level::INFO, "/users/7?token=secret").await;
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["level"], &lines[0]["status"]), (&"INFO".into(), &200.into()));
    assert_eq!((&lines[0]["route"], &lines[0]["method"]), (&"/users/{id}".into(), &"GET".into()));
    assert_eq!(lines[0]["user_id"], "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa");
    assert!(!lines[0].to_string().contains("secret"));
    let duration = lines[0]["duration_ms"].to_string();
    assert!(duration.split_once('.').is_none_or(|(_, rest)| rest.len() <= 3), "{duration}");
}

#[tokio::test]
async fn a_probe_is_not_worth_a_line() {
    for path in ["/health/live", "/metrics"] {
        assert!(logged(tracing::Level::INFO, path).await.is_empty(), "{path}");
        assert_eq!(logged(tracing::Level::DEBUG, path).await.len(), 1, "{path}");
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_a_line() {
    let lines = logged(tracing::Level::INFO, "/never").await;
    assert_eq!((lines.len(), &lines[0]["status"], &lines[0]["code"]), (1, &499.into(), &"aborted".into()));
    assert_eq!((&lines[0]["level"], &lines[0]["route"]), (&"INFO".into(), &"/never".into()));
}

#[tokio::test]
async fn our_errors_are_logged_with_their_cause_and_a_callers_only_when_debugging() {
    let lines = logged(tracing::Level::INFO, "/broken").await;
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()));
    assert_eq!((&lines[0]["code"], &lines[0]["cause"]), (&"internal_error".into(), &"disk on fire".into()));
    let lines = logged(tracing::Level::INFO, "/refused").await;
    assert_eq!((lines.len(), &lines[0]["code"], lines[0].get("cause")), (1, &"malformed_json".into(), None));
    let lines = logged(tracing::Level::DEBUG, "/refused").await;
    assert!(lines.iter().any(|line| line["level"] == "DEBUG" && line["cause"] == "quoted words"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_logged_once_with_its_cause() {
    let lines = logged(tracing::Level::INFO, "/half").await;
    assert_eq!((lines.len(), &lines[0]["level"], &lines[0]["status"]), (2, &"INFO".into(), &200.into()));
    assert_eq!((&lines[1]["level"], &lines[1]["route"]), (&"ERROR".into(), &"/half".into()));
    assert_eq!((&lines[1]["code"], &lines[1]["cause"]), (&"internal_error".into(), &"disk on fire".into()));
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_of_an_answer_leaves_a_line() {
    assert_eq!(logged(tracing::Level::INFO, "/whole").await.len(), 1);
    let lines = logged(tracing::Level::INFO, "/left").await;
    assert_eq!((lines.len(), &lines[1]["level"], &lines[1]["status"]), (2, &"INFO".into(), &202.into()));
    assert_eq!(
        (&lines[1]["message"], &lines[1]["code"]),
        (&"the answer broke off".into(), &"aborted".into())
    );
}

#[tokio::test]
async fn a_method_that_is_none_is_told_by_its_beginning_however_long_it_is() {
    let lines = logged_of(tracing::Level::DEBUG, &"X".repeat(60_000), "/users/7", Tasks::default()).await;
    let told = (&lines[0]["method"], &lines[0]["method_original"]);
    assert_eq!(told, (&"_OTHER".into(), &"X".repeat(32).into()));
    assert!(lines.iter().all(|line| line.to_string().len() < 1000), "{lines:?}");
}

#[tokio::test]
async fn who_is_refused_where_probes_ask_leaves_a_line_like_anybody() {
    let lines = logged(tracing::Level::INFO, "/health/system").await;
    assert_eq!((lines.len(), &lines[0]["status"], &lines[0]["level"]), (1, &401.into(), &"INFO".into()));
}

#[tokio::test]
async fn who_is_cut_off_by_a_shutdown_did_not_hang_up() {
    let tasks = Tasks::default();
    tasks.cut_off();
    for (path, status) in [("/never", 503), ("/left", 202)] {
        let lines = logged_of(tracing::Level::WARN, "GET", path, tasks.clone()).await;
        assert_eq!((lines.len(), &lines[0]["level"]), (1, &"WARN".into()), "{lines:?}");
        assert_eq!((&lines[0]["status"], &lines[0]["code"]), (&status.into(), &"stopped".into()));
    }
}

#[tokio::test]
async fn who_is_turned_away_for_the_sake_of_others_is_told_together_and_as_no_error() {
    for _ in 0..3 {
        let lines = logged(tracing::Level::INFO, "/busy").await;
        let request = lines.iter().find(|line| line["message"] == "request").unwrap();
        assert_eq!((&request["level"], &request["code"]), (&"INFO".into(), &"overloaded".into()));
        let told = lines.iter().filter(|line| line["level"] == "WARN").collect::<Vec<_>>();
        assert!(told.len() == lines.len() - 1 && told.len() <= 1, "{lines:?}");
        assert!(told.iter().all(|line| line["cause"] == "too many are under way" && line["times"].is_u64()));
    }
}
