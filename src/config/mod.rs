//! Floor 2: the configuration, read once, checked whole.
//!
//! [`load`] lays the layers over each other (`config/default.toml` names them and every key), reads
//! the result into [`Config`], and reports everything that is wrong with it at once.

mod check;
mod derived;
mod environment;
mod keys;
mod layers;
mod load;
mod mail;
mod open_telemetry;
mod reader;
mod report;
mod sections;
mod setting;
mod sources;
#[cfg(test)]
mod tests;
mod urls;
mod variables;

pub use check::{MAX_LOG_LEVEL, is_log_level};
pub use environment::Environment;
pub use load::{Loaded, load, load_as};
pub use mail::{MailServer, Tls, Transport};
pub use report::{Entry, Fault, Origin, Report};
pub use sections::{
    Auth, Config, Cors, Database, Docs, EmailVerification, Hash, Log, LogFormat, Mail, PasswordRules, Pooler,
    RateLimit, Registration, Server, Telemetry, Users,
};
pub use setting::Unreadable;
pub use sources::Sources;
pub use urls::SecretUrl;
