//! Floor 6: HTTP. What every feature's routes are made with; generic over the state.

pub mod catalogue;
pub mod code;
pub mod docs;
pub mod etag;
pub mod extract;
pub mod feature;
pub mod holding;
pub mod idempotency;
pub mod middleware;
pub mod limit;
pub mod load;
pub mod openapi;
pub mod page;
pub mod problem;
pub mod reply;
mod schemas;
pub mod template;

pub use code::Code;
pub use problem::{Fault, Problem};
