//! How a stage ended.

pub enum Outcome {
    Passed,
    /// It passed as far as it ran; what was left out.
    Partly(String),
    Skipped(String),
}

impl Outcome {
    /// Passed on these many of the two databases.
    pub fn on_databases(count: usize) -> Self {
        if count == 2 { Self::Passed } else { Self::Partly("not on PostgreSQL".to_owned()) }
    }
}
