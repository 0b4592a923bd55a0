//! Whatever a caller writes into the fields of a request: it is answered, and not by an error of ours.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::runtime::Builder;

use super::{Stack, ask_of, settings};

/// The fields that somebody reads, and what is sound in them.
const FIELDS: [(&str, &str); 16] = [
    ("accept", "text/html;q=0.9, application/json;q=0, */*;q=0.1"),
    ("accept-language", "zh-Hant-CN;q=0.8, en-GB, *;q=0.001"),
    ("authorization", "Bearer eyJhbGciOiJFZERTQSJ9.e30.AAAA"),
    ("content-encoding", "gzip"),
    ("content-length", "17"),
    ("content-type", "application/merge-patch+json; charset=\"utf-8\""),
    ("forwarded", "for=\"[2001:db8::1]:80\";proto=https"),
    ("host", "api.example:8080"),
    ("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
    ("if-match", "\"3-x\", W/\"4\", *"),
    ("if-none-match", "W/\"3-x\""),
    ("origin", "https://app.example.com"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("tracestate", "vendor=here,other@x=1"),
    ("x-forwarded-for", "203.0.113.7, [2001:db8::1]:80, 10.1.2.3"),
    ("x-request-id", "0198-abc.DEF_~"),
];

/// A field as it should be, with some bytes of it changed, or anything.
fn field() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let changed =
        (select(&FIELDS[..]), vec((any::<Index>(), any::<u8>()), 0..4)).prop_map(|(field, changes)| {
            let mut value = field.1.as_bytes().to_vec();
            for (place, byte) in changes {
                *place.get_mut(&mut value) = byte;
            }
            (field.0, value)
        });
    prop_oneof![changed, (select(&FIELDS[..]).prop_map(|field| field.0), vec(any::<u8>(), 0..80))]
}

fn request(method: Method, path: &str, fields: &[(&'static str, Vec<u8>)]) -> Option<Request> {
    let mut request = Request::builder().method(method).uri(path).body(Body::from("{\"email\": 1}")).ok()?;
    for (name, value) in fields {
        // What is no value of a field comes no further than the listener.
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    Some(request)
}

proptest! {
    #[test]
    fn no_fields_make_an_error_of_ours(
        method in select(vec![Method::GET, Method::POST, Method::DELETE, Method::OPTIONS]),
        path in select(vec!["/users", "/users/1", "/who", "/raw", "/nope?q=%ff"]),
        fields in vec(field(), 0..7),
    ) {
        let Some(request) = request(method, path, &fields) else { return Ok(()) };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // On a busy machine nothing may seem slow here.
        let settings = Stack { request_timeout: Duration::from_secs(60), ..settings() };
        let answer = runtime.block_on(ask_of(settings, request));
        prop_assert!(answer.status.as_u16() < 500, "{} {}", answer.status, answer.body);
    }
}
