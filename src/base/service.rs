//! What this service is called.

/// The name under which it appears to people, in documents and in mails. No password may be made of it.
pub const NAME: &str = "Stead";
