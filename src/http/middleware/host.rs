//! What only this machine may ask for. A page in a browser can have its own name lead to 127.0.0.1 (DNS
//! rebinding) and then read what is served there; the browser says by which name it came.

use std::net::IpAddr;
use std::str::FromStr;

use axum::Router;
use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

use crate::http::{Code, Problem};

/// On a loopback address: answers 421 to whoever came by a name that others may have given to this machine,
/// all but `localhost`, what is below it, and bare addresses, at any port. Elsewhere people come by the names
/// of their network, and all are answered.
pub fn guarded<S: Clone + Send + Sync + 'static>(address: IpAddr, router: Router<S>) -> Router<S> {
    if address.is_loopback() { router.route_layer(from_fn(refuse_others)) } else { router }
}

async fn refuse_others(request: Request, next: Next) -> Response {
    match is_local(&request) {
        true => next.run(request).await,
        false => Problem::new(Code::MISDIRECTED_REQUEST).into_response(),
    }
}

/// Whoever names no host is no browser. HTTP/2 and the absolute form of HTTP/1.1 have it in the URI.
fn is_local(request: &Request) -> bool {
    let in_field = request.headers().get(HOST).map(|host| Authority::try_from(host.as_bytes()).ok());
    let in_uri = request.uri().authority().cloned().map(Some);
    [in_field, in_uri].into_iter().flatten().all(|host| host.is_some_and(|host| is_ours(host.host())))
}

fn is_ours(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = host.to_ascii_lowercase();
    IpAddr::from_str(bare).is_ok() || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn came_by(uri: &str, host: Option<&str>) -> bool {
        let request = host.into_iter().fold(Request::builder().uri(uri), |to, host| to.header(HOST, host));
        is_local(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn only_names_that_nobody_else_can_give_are_local() {
        for host in
            ["localhost", "LOCALHOST:8081", "stead.localhost:80", "127.0.0.1:8081", "[::1]:8081", "10.0.0.7"]
        {
            assert!(came_by("/metrics", Some(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8081",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "",
        ] {
            assert!(!came_by("/metrics", Some(host)), "{host}");
        }
        assert!(came_by("/metrics", None));
    }

    #[test]
    fn a_name_in_the_uri_counts_too() {
        assert!(came_by("http://localhost:8081/metrics", None));
        assert!(!came_by("http://evil.example/metrics", None));
        assert!(!came_by("http://evil.example/metrics", Some("localhost")));
        assert!(!came_by("http://localhost/metrics", Some("evil.example")));
    }
}
