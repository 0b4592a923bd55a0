//! Floor 3: what the server says about itself.

pub mod logs;
pub mod metrics;
