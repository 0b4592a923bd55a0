//! How far it is.

/// What is being done, for whoever waits.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// So many bytes, of about as many as there are.
    Copying { done: u64, of: u64 },
    /// All of the copy is read.
    Checking,
}
