//! What happens to every request, in order, on one page.

mod accept;
mod again;
mod body;
mod client;
mod cors;
pub mod host;
mod limits;
pub mod log;
pub mod measure;
mod method;
mod panic;
mod render;
mod request_id;
mod security;
mod shed;
mod streamed;
#[cfg(test)]
mod tests;
mod timeout;
mod trace;

pub use cors::Cors;

use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use ipnet::IpNet;
use tower::ServiceBuilder;

use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::http::load::Load;
use crate::tasks::Tasks;

/// What the stack needs to know.
#[derive(Clone)]
pub struct Stack {
    /// Where fresh request ids come from.
    pub clock: Clock,
    pub random: Random,
    /// The networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    pub cors: Cors,
    /// A handler that takes longer is dropped; half of it is the most that a body may take to arrive.
    pub request_timeout: Duration,
    /// How many requests may be under way.
    pub load: Load,
    /// What measures requests, on the listener where they are measured.
    pub meters: Option<measure::Meters>,
    /// What ends the server, and with it requests.
    pub tasks: Tasks,
    /// The public address is https: tell browsers to insist on it.
    pub https: bool,
    /// Show callers the causes of errors; never outside dev and testing.
    pub debug: bool,
}

/// Puts the stack around a finished router. A request goes through it from top to bottom, its
/// response from bottom to top.
pub fn stack<S: Clone + Send + Sync + 'static>(router: Router<S>, settings: Stack) -> Router<S> {
    let Stack { clock, random, trusted_proxies, cors, request_timeout, load, meters, tasks, https, debug } =
        settings;
    router.layer(
        ServiceBuilder::new()
            // Who and what: named before anything can go wrong, so that all below can be traced.
            .layer(from_fn_with_state((clock, random), request_id::assign))
            .layer(from_fn_with_state(trusted_proxies.into(), client::locate))
            .layer(from_fn_with_state(meters, measure::record))
            .layer(from_fn_with_state((https, tasks), log::record))
            // What every response carries, errors included.
            .layer(from_fn_with_state(https, security::harden))
            .layer(cors::layer(&cors))
            // From here on an error is only described; this one writes it, in the caller's language.
            .layer(from_fn_with_state(debug, render::problems))
            .layer(from_fn(panic::catch))
            // What is refused or cut short, whatever the route.
            .layer(from_fn_with_state(load, shed::admit))
            .layer(from_fn(limits::enforce))
            .layer(from_fn(accept::negotiate))
            .layer(from_fn_with_state(request_timeout, timeout::enforce))
            .layer(from_fn_with_state(request_timeout / 2, body::bound))
            .layer(from_fn(again::repeat))
            .map_request(measure::arrive),
    )
}
