//! Which web pages of other origins may call, and what they may see.

use std::time::Duration;

use axum::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LINK, LOCATION,
    RETRY_AFTER,
};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Which web pages of other origins may call.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// Origins such as `https://app.example.com`; `localhost` for any port on this machine; `*` for all.
    pub allowed_origins: Vec<String>,
    /// Let browsers send credentials; without effect beside `*`.
    pub allow_credentials: bool,
}

pub(super) fn layer(settings: &Cors) -> CorsLayer {
    let any = settings.allowed_origins.iter().any(|origin| origin == "*");
    let origins = settings.allowed_origins.clone();
    let allowed =
        move |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| is_allowed(origin, &origins));
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(if any {
            AllowOrigin::any()
        } else {
            AllowOrigin::predicate(move |origin, _| allowed(origin))
        })
        // A page of any origin that acts with its visitor's cookies is what CORS is there to prevent.
        .allow_credentials(settings.allow_credentials && !any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            ACCEPT,
            ACCEPT_LANGUAGE,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            name("idempotency-key"),
            name("traceparent"),
            name("tracestate"),
            name("x-request-id"),
        ])
        .expose_headers([
            ETAG,
            LINK,
            LOCATION,
            RETRY_AFTER,
            name("ratelimit"),
            name("ratelimit-policy"),
            name("x-request-id"),
        ])
        .max_age(Duration::from_secs(600))
}

/// `null` is what sandboxed frames and local files call themselves: anyone can be that.
fn is_allowed(origin: &str, allowed: &[String]) -> bool {
    origin != "null"
        && allowed.iter().any(|entry| entry == origin || entry == "localhost" && is_local(origin))
}

fn is_local(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .filter_map(|local| host.strip_prefix(local))
        .any(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_by_its_very_name() {
        let allowed = ["https://app.example.com".to_owned()];
        assert!(is_allowed("https://app.example.com", &allowed));
        for origin in [
            "https://app.example.com.evil.example",
            "http://app.example.com",
            "https://app.example.com:444",
            "null",
            "",
            "http://localhost:3000",
        ] {
            assert!(!is_allowed(origin, &allowed), "{origin}");
        }
        assert!(!is_allowed("null", &["null".to_owned()]));
    }

    #[test]
    fn localhost_means_any_port_of_this_machine_and_nothing_that_looks_like_it() {
        let allowed = ["localhost".to_owned()];
        for origin in
            ["http://localhost", "http://localhost:5173", "https://127.0.0.1:8443", "http://[::1]:80"]
        {
            assert!(is_allowed(origin, &allowed), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "http://localhost:5173.evil.example",
            "http://localhost:",
            "ftp://localhost",
            "http://evil.example/localhost",
            "http://127.0.0.11",
        ] {
            assert!(!is_allowed(origin, &allowed), "{origin}");
        }
    }
}
