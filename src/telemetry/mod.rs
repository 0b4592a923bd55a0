//! Floor 3: what the server says about itself.

mod escape;
mod json;
pub mod logs;
pub mod metrics;
pub mod reports;
mod sender;
mod spelling;
mod start;
pub mod subject;
pub mod trace_state;
pub mod traces;

pub use start::{StartError, Telemetry, measure};
