//! Ports for servers that tests start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that systems give to connections that leave, and to whoever asks for any port.
const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

/// A port of this machine at which nobody listens. No two calls of a process get the same, and hardly two of
/// different ones.
pub fn free_port() -> std::io::Result<u16> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // Far from where other processes begin.
    let begin = std::process::id().wrapping_mul(7919);
    loop {
        let number = begin.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % COUNT).unwrap_or(u16::MAX);
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
}
