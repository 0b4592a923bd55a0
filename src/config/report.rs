//! What is wrong with the configuration, and where every value came from.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::environment::Environment;

/// Everything that is wrong, at once: one paragraph per fault for people, one object for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub faults: Vec<Fault>,
    /// Every key that could be read, as in [`Loaded`](super::Loaded), to see the faults among the rest.
    #[serde(skip)]
    pub entries: Vec<Entry>,
}

/// One thing that is wrong. No field ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The path of the key (`server.port`), or the name of what is not one (`APP_SERVR__PORT`).
    pub key: String,
    pub origin: Origin,
    /// What is the matter, as a phrase that follows the key.
    pub problem: String,
    /// What to do about it.
    pub suggestion: String,
}

/// One key as it took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// `server.port`
    pub path: String,
    /// As text, lists with commas, secrets masked; empty when not set.
    pub value: String,
    pub origin: Origin,
}

impl Fault {
    pub(super) fn new(
        key: &str,
        origin: Origin,
        problem: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> Self {
        Self { key: key.to_owned(), origin, problem: problem.into(), suggestion: suggestion.into() }
    }
}

/// Where a value came from. Serialised as it is displayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `config/default.toml`
    Default,
    /// `config/{environment}.toml`
    Environment(Environment),
    /// The file of `--config` or `APP_CONFIG_FILE`.
    File(PathBuf),
    DotEnv,
    Variable(String),
    /// The file whose path is in this variable.
    FileNamedBy(String),
    /// A flag, by the path of the key it sets.
    Flag(String),
    /// Nowhere: made of other keys, or of the machine.
    Derived,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("built-in default"),
            Self::Environment(environment) => write!(f, "config/{environment}.toml"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::DotEnv => f.write_str(".env"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::FileNamedBy(name) => write!(f, "file named by {name}"),
            Self::Derived => f.write_str("derived, not set"),
            Self::Flag(path) => {
                write!(f, "flag --{}", path.rsplit('.').next().unwrap_or(path).replace('_', "-"))
            }
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})\n    {}", self.key, self.problem, self.origin, self.suggestion)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.len() {
            1 => f.write_str("the configuration has 1 fault:")?,
            n => write!(f, "the configuration has {n} faults:")?,
        }
        self.faults.iter().try_for_each(|fault| write!(f, "\n\n  {fault}"))
    }
}

impl std::error::Error for Report {}
