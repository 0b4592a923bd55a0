//! Traces and figures, as a collector receives them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::program::Folder;
use crate::receiver::{Manner, Receiver};
use crate::server::{Server, free_port};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn folder(receiver: &Receiver) -> Folder {
    let collector = format!("http://127.0.0.1:{}/", receiver.port);
    let folder = Folder::new().with("APP_TELEMETRY__OTLP_ENDPOINT", collector);
    folder.with("APP_MAIL__URL", "file:mails").with("APP_LOG__FORMAT", "json")
}

/// What a server answers to a sign-in or a registration, sent as part of a trace.
async fn post(server: &Server, path: &str, flags: &str) -> StatusCode {
    let url = format!("http://127.0.0.1:{}/api/v1/auth/{path}?q=secret", server.port);
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let trace = format!("00-{TRACE}-{PARENT}-{flags}");
    let request = Client::new().post(url).json(&body).header("traceparent", trace);
    request.header("tracestate", "vendor=here").send().await.unwrap().status()
}

fn spans(receiver: &Receiver) -> Vec<Span> {
    let bodies = receiver.received("/v1/traces").into_iter();
    let requests = bodies.map(|body| ExportTraceServiceRequest::decode(body).unwrap());
    let resources = requests.flat_map(|request| request.resource_spans);
    resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn text(value: &Option<AnyValue>) -> String {
    match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| text(&attribute.value))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits for a mail in the folder that the server delivers to.
async fn mailed(folder: &Folder) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.path().join("mails").read_dir().map_or(0, Iterator::count) == 0 {
        assert!(Instant::now() < deadline, "no mail was delivered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_sign_in_is_one_trace_of_its_request_its_statements_and_its_hash() {
    let receiver = Receiver::start(Manner::Keeps);
    let folder = folder(&receiver);
    let server = Server::start(&folder);
    assert_eq!(post(&server, "register", "00").await, 201);
    assert_eq!(post(&server, "login", "01").await, 200);
    let log = server.log();
    // What still waits is sent at the end.
    server.stop();

    let spans = spans(&receiver);
    let of_trace: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let request = of_trace.iter().find(|span| span.name == "POST /api/v1/auth/login").unwrap();
    assert_eq!((hex(&request.parent_span_id).as_str(), request.kind), (PARENT, 2), "a server's");
    assert_eq!(request.trace_state, "vendor=here");
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/v1/auth/login"),
        ("http.response.status_code", "200"),
        ("url.scheme", "http"),
    ] {
        assert_eq!(attribute(&request.attributes, key).as_deref(), Some(value), "{key}");
    }
    let children = |name: &str| {
        let children = of_trace.iter().filter(|span| span.parent_span_id == request.span_id);
        children.filter(|span| span.name == name).copied().collect::<Vec<_>>()
    };
    let [hash] = children("hash")[..] else { panic!("one hash: {:?}", children("hash")) };
    for part in ["queue_ms", "computation_ms"] {
        assert!(attribute(&hash.attributes, part).unwrap().parse::<f64>().unwrap() >= 0.0, "{part}");
    }
    assert!(!children("connection").is_empty() && !children("SELECT").is_empty());
    for sql in [children("SELECT"), children("INSERT"), children("UPDATE")].concat() {
        assert_eq!(attribute(&sql.attributes, "db.system.name").as_deref(), Some("sqlite"));
        assert!(attribute(&sql.attributes, "db.query.text").unwrap().contains(&sql.name));
    }
    // The registration was part of the same trace, and its caller did not want it recorded.
    assert!(!of_trace.iter().any(|span| span.name.contains("register")), "{of_trace:?}");
    let told = format!("{spans:?}");
    for secret in [EMAIL, PASSWORD, "q=secret", "127.0.0.1"] {
        assert!(!told.contains(secret), "{secret}");
    }
    let line = log.lines().find(|line| line.contains("auth/login")).unwrap();
    assert!(line.contains(&format!(r#""trace_id":"{TRACE}""#)), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn probes_and_scrapes_are_in_no_trace() {
    let receiver = Receiver::start(Manner::Keeps);
    let operators = free_port();
    let folder = folder(&receiver).with("APP_SERVER__MANAGEMENT_ADDRESS", format!("127.0.0.1:{operators}"));
    let server = Server::start(&folder);
    for path in ["/health/live", "/health/ready", "/health/system", "/metrics"] {
        let trace = format!("00-{TRACE}-{PARENT}-01");
        let request = Client::new().get(format!("http://127.0.0.1:{operators}{path}"));
        assert_eq!(request.header("traceparent", trace).send().await.unwrap().status(), 200, "{path}");
    }
    assert_eq!(server.get("/api/v1/users/me").send().await.unwrap().status(), 401);
    server.stop();
    let names: Vec<String> = spans(&receiver).into_iter().map(|span| span.name).collect();
    assert!(names.iter().any(|name| name == "GET /api/v1/users/me"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("/health") || name.contains("/metrics")), "{names:?}");
    assert!(!spans(&receiver).iter().any(|span| hex(&span.trace_id) == TRACE), "nor what they ask for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn traces_and_figures_say_whose_they_are() {
    let receiver = Receiver::start(Manner::Keeps);
    let server = Server::start(&folder(&receiver));
    assert_eq!(post(&server, "login", "01").await, 401);
    server.stop();

    let traces = receiver.received("/v1/traces").into_iter();
    let mut traces = traces.flat_map(|body| ExportTraceServiceRequest::decode(body).unwrap().resource_spans);
    let figures = receiver.received("/v1/metrics").into_iter();
    let figures: Vec<_> = figures
        .flat_map(|body| ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics)
        .collect();
    let (trace, figure) = (traces.next().unwrap().resource.unwrap(), figures[0].resource.clone().unwrap());
    for (key, value) in [
        ("service.name", "stead"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "dev"),
    ] {
        for resource in [&trace, &figure] {
            assert_eq!(attribute(&resource.attributes, key).as_deref(), Some(value), "{key}");
        }
    }
    let instance = |attributes| attribute(attributes, "service.instance.id").unwrap();
    assert_eq!(instance(&trace.attributes), instance(&figure.attributes));
    let mut metrics = figures.iter().flat_map(|one| &one.scope_metrics).flat_map(|scope| &scope.metrics);
    assert!(metrics.any(|metric| metric.name == "http.server.request.duration"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_mail_is_a_trace_of_its_own_that_the_requests_leads_to() {
    let receiver = Receiver::start(Manner::Keeps);
    let folder = folder(&receiver);
    let server = Server::start(&folder);
    assert_eq!(post(&server, "register", "01").await, 201);
    mailed(&folder).await;
    server.stop();

    let spans = spans(&receiver);
    let queued = spans.iter().find(|span| span.name == "queue mail").unwrap();
    let sent = spans.iter().find(|span| span.name == "mail").unwrap();
    assert_eq!(hex(&queued.trace_id), TRACE);
    assert_ne!(sent.trace_id, queued.trace_id);
    assert_eq!(attribute(&sent.attributes, "mail"), attribute(&queued.attributes, "mail"));
    assert!(attribute(&sent.attributes, "mail").is_some());
}

/// Claims that nobody waits for a collector that is no good, not even the end of the server.
async fn nobody_waits_for(manner: Manner) {
    let receiver = Receiver::start(manner);
    let folder = folder(&receiver).with("OTEL_BSP_SCHEDULE_DELAY", 50);
    let server = Server::start(&folder);
    let begun = Instant::now();
    for _ in 0..5 {
        assert_eq!(post(&server, "login", "01").await, 401);
    }
    let deadline = begun + Duration::from_secs(20);
    while receiver.received("/v1/traces").is_empty() {
        assert!(Instant::now() < deadline, "nothing was sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(post(&server, "login", "01").await, 401);
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_collector_that_never_answers_holds_nobody_up() {
    nobody_waits_for(Manner::Hangs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_collector_that_fails_is_said_to_and_holds_nobody_up() {
    let receiver = Receiver::start(Manner::Fails);
    let folder = folder(&receiver).with("OTEL_BSP_SCHEDULE_DELAY", 50);
    let server = Server::start(&folder);
    assert_eq!(post(&server, "login", "01").await, 401);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.log().contains("traces did not reach the collector") {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(post(&server, "login", "01").await, 401);
    server.stop();
}

/// Waits until there are `count` lines of the log with these words.
async fn said(server: &Server, words: &str, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.log().matches(words).count() < count {
        assert!(Instant::now() < deadline, "{words} {}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn of_what_the_callers_systems_tell_each_other_no_more_is_kept_than_has_to_be_passed_on() {
    let receiver = Receiver::start(Manner::Keeps);
    let folder = folder(&receiver);
    let server = Server::start(&folder);
    let entries: Vec<_> = (0..32).map(|number| format!("v{number}={}", "x".repeat(100))).collect();
    let request = server.get("/api/v1/users/me").header("traceparent", format!("00-{TRACE}-{PARENT}-01"));
    assert_eq!(request.header("tracestate", entries.join(",")).send().await.unwrap().status(), 401);
    server.stop();
    let spans = spans(&receiver);
    let request = spans.iter().find(|span| span.name == "GET /api/v1/users/me").unwrap();
    assert_eq!(request.trace_state, entries[..4].join(","));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn that_figures_do_not_arrive_is_told_once_and_that_they_do_again_too() {
    let receiver = Receiver::start(Manner::Fails);
    let folder = folder(&receiver).with("OTEL_METRIC_EXPORT_INTERVAL", 20);
    let server = Server::start(&folder);
    let (lost, back) = ("metrics do not reach the collector", "metrics reach the collector again");
    said(&server, lost, 1).await;
    let sent = receiver.received("/v1/metrics").len();
    while receiver.received("/v1/metrics").len() < sent + 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    receiver.becomes(Manner::Keeps);
    said(&server, back, 1).await;
    assert_eq!(server.log().matches(lost).count(), 1, "{}", server.log());
    receiver.becomes(Manner::Fails);
    said(&server, lost, 2).await;
    assert_eq!(server.log().matches(back).count(), 1, "{}", server.log());
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn that_telemetry_is_switched_off_is_told_where_somebody_may_expect_it() {
    let receiver = Receiver::start(Manner::Keeps);
    let folder = folder(&receiver).with("OTEL_SDK_DISABLED", "true");
    let server = Server::start(&folder);
    said(&server, "OTEL_SDK_DISABLED", 1).await;
    assert_eq!(server.get("/api/v1/users/me").send().await.unwrap().status(), 401);
    server.stop();
    assert!(receiver.received("/v1/traces").is_empty() && receiver.received("/v1/metrics").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_sampler_that_is_none_is_told_at_the_start_and_by_the_check() {
    let receiver = Receiver::start(Manner::Keeps);
    let folder = folder(&receiver).with("OTEL_TRACES_SAMPLER", "parentbased_traceidratoi");
    let checked = folder.run("config check").expect(0);
    assert!(checked.stderr.contains("`parentbased_traceidratoi`"), "{}", checked.stderr);
    let server = Server::start(&folder);
    said(&server, "`parentbased_traceidratoi`", 1).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_request_has_the_name_of_its_trace_in_the_log_whether_or_not_it_is_recorded() {
    for (share, count) in [("1", 8), ("0", 0)] {
        let receiver = Receiver::start(Manner::Keeps);
        let folder = folder(&receiver).with("OTEL_TRACES_SAMPLER", "traceidratio");
        let folder = folder.with("OTEL_TRACES_SAMPLER_ARG", share);
        let server = Server::start(&folder);
        for _ in 0..8 {
            assert_eq!(server.get("/api/v1/users/me").send().await.unwrap().status(), 401);
        }
        let log = server.log();
        server.stop();
        let lines: Vec<serde_json::Value> = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &serde_json::Value| line["route"] == "/api/v1/users/me")
            .collect();
        let told: BTreeSet<String> =
            lines.iter().filter_map(|line| Some(line["trace_id"].as_str()?.to_owned())).collect();
        assert_eq!(told.len(), 8, "{log}");
        let spans = spans(&receiver);
        let requests = spans.iter().filter(|span| span.name == "GET /api/v1/users/me");
        let recorded: BTreeSet<String> = requests.map(|span| hex(&span.trace_id)).collect();
        assert_eq!(recorded.len(), count);
        assert!(recorded.is_subset(&told), "{recorded:?} {told:?}");
    }
}
