//! Finds the caller's address: the connection's, or what trusted proxies say of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use crate::http::extract::ClientAddress;

pub(super) async fn locate(
    State(trusted): State<Arc<[IpNet]>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let address = ClientAddress(rightmost_untrusted(peer.ip(), request.headers(), &trusted));
        request.extensions_mut().insert(address);
    }
    next.run(request).await
}

/// Walks `X-Forwarded-For` from right to left, for as long as who wrote an entry is trusted.
///
/// Only the entries that our own proxies appended are read: anything further left is the caller's word.
/// An entry that is no address ends the walk at the proxy that wrote it.
fn rightmost_untrusted(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let lines: Vec<_> =
        headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap_or("?")).collect();
    let mut entries = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut address = peer.to_canonical();
    while is_trusted(&address) {
        let Some(further) = entries.next().and_then(parse) else { break };
        address = further;
    }
    address
}

/// An address, which some proxies write with a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse().or_else(|_| entry.parse().map(|socket: SocketAddr| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn located(peer: &str, forwarded: &[&str]) -> String {
        let headers = forwarded.iter().map(|line| {
            let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            ("x-forwarded-for".parse().unwrap(), value)
        });
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        rightmost_untrusted(peer.parse().unwrap(), &headers.collect(), &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        assert_eq!(located("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(located("10.0.0.1", &["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(located("10.0.0.1", &["10.9.9.9, 198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn a_chain_of_trusted_proxies_is_followed_across_lines() {
        assert_eq!(located("10.0.0.1", &["1.1.1.1, 198.51.100.7", "10.0.0.3,10.0.0.2"]), "198.51.100.7");
        assert_eq!(located("fd00::1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(located("10.0.0.1", &["10.0.0.2"]), "10.0.0.2");
        assert_eq!(located("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn mapped_addresses_and_ports_are_seen_through() {
        assert_eq!(located("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(located("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(located("10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
    }

    #[test]
    fn nonsense_ends_the_walk_at_the_proxy_that_sent_it() {
        for line in
            ["198.51.100.7, unknown", "198.51.100.7, ", "198.51.100.7, 999.1.1.1", "198.51.100.7, \u{e9}"]
        {
            assert_eq!(located("10.0.0.1", &[line]), "10.0.0.1", "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(line in "[ -~]{0,60}") {
            located("10.0.0.1", &[&line]);
        }
    }
}
