//! Floor 5: mail. A letter is a row in the outbox, written in the transaction that is its cause, and
//! never sent inside a request.

mod letter;
mod outbox;
pub mod token;
pub mod way_back;

pub use letter::{Letter, Rendered, escape};
pub use outbox::{Mail, Outbox, OutboxError, Posted};
