//! Floor 5: mail. A letter is a row in the outbox, written in the transaction that is its cause, and
//! never sent inside a request.

mod courier;
mod delivery;
pub mod held;
mod html;
mod letter;
mod message;
mod outbox;
mod purpose;
pub mod token;
mod transport;
pub mod way_back;

pub use courier::{Courier, NoWayOut, Tally};
pub use delivery::Depth;
pub use html::escape;
pub use letter::{Letter, Rendered};
pub use outbox::{Mail, MailId, Outbox, OutboxError, Posted};
pub use purpose::Purpose;
