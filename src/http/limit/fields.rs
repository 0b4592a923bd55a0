//! The header fields of draft-ietf-httpapi-ratelimit-headers.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};

use crate::http::problem::Problem;

/// What is left.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What there is.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A budget that is spent and kept elsewhere, as the headers of a problem have it: `quota` in each
/// `window`, nothing left for `wait`.
pub fn spent(problem: Problem, name: &str, quota: i64, window: Duration, wait: Duration) -> Problem {
    problem
        .retry_after(wait)
        .header(RATE_LIMIT_POLICY, policy(name, quota, window))
        .header(RATE_LIMIT, left(name, 0, wait))
}

pub fn policy(name: &str, quota: i64, window: Duration) -> HeaderValue {
    field(format!("\"{name}\";q={quota};w={}", window.as_secs()))
}

/// In whole seconds, rounded up as `Retry-After` is.
pub fn left(name: &str, remaining: u32, wait: Duration) -> HeaderValue {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    field(format!("\"{name}\";r={remaining};t={seconds}"))
}

/// Names are words of ours and the rest is digits: no value is refused.
fn field(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
