//! What handlers take in: the request, read, checked and typed, or a [`Problem`](super::Problem).
//!
//! # A field that validates itself is a type
//!
//! Anything that can be wrong is a [`Rule`]: it names its code, and `fault-<code>` in `locales/*.ftl`
//! is what people read. A type parses itself and fails with a rule:
//!
//! ```
//! use deserr::Deserr;
//! use stead::http::extract::Rule;
//!
//! #[derive(Debug, Deserr)]
//! #[deserr(try_from(String) = Slug::parse -> NotASlug)]
//! struct Slug(String);
//!
//! struct NotASlug;
//!
//! impl Rule for NotASlug {
//!     fn code(&self) -> &'static str { "invalid_characters" }
//! }
//!
//! impl Slug {
//!     fn parse(text: String) -> Result<Self, NotASlug> {
//!         let sound = text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
//!         if sound { Ok(Self(text)) } else { Err(NotASlug) }
//!     }
//! }
//! ```
//!
//! # A rule across fields is a function
//!
//! It runs when all fields are sound, and says by [`Rule::pointer`] which field to mark:
//!
//! ```
//! use deserr::{Deserr, ValuePointerRef};
//! use stead::http::extract::{Faults, Rule};
//!
//! #[derive(Debug, Deserr)]
//! #[deserr(error = Faults, deny_unknown_fields, validate = in_order -> EndsBeforeItStarts)]
//! struct Span { from: u32, to: u32 }
//!
//! struct EndsBeforeItStarts;
//!
//! impl Rule for EndsBeforeItStarts {
//!     fn code(&self) -> &'static str { "invalid_value" }
//!     fn pointer(&self) -> Option<&str> { Some("/to") }
//! }
//!
//! fn in_order(span: Span, _: ValuePointerRef) -> Result<Span, EndsBeforeItStarts> {
//!     if span.from <= span.to { Ok(span) } else { Err(EndsBeforeItStarts) }
//! }
//! ```
//!
//! A body is a struct with `#[derive(Deserr)]` and `#[deserr(error = Faults, deny_unknown_fields)]`; a
//! field that may be absent needs `#[deserr(default)]`, an `Option` too.

pub mod caller;
pub mod fault;
pub mod fingerprint;
pub mod json;
pub mod list;
pub mod patch;
pub mod path;
pub mod query;
pub mod recheck;
pub mod rejection;
mod strict;
pub mod text;
pub mod values;

pub use caller::{ClientAddress, RequestId, UserAgent};
pub use fault::{Faults, Rule};
pub use fingerprint::Fingerprint;
pub use json::Json;
pub use list::AtMost;
pub use patch::{Change, Patch};
pub use path::Path;
pub use query::Query;
pub use recheck::Recheck;
pub use text::{Prose, Text};
pub use values::from_text;
