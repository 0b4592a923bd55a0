//! The four environments.

use super::setting::choice;

choice!(
    /// Where the server runs: chooses defaults, and how strictly they are judged.
    Environment {
        Dev = "dev",
        Testing = "testing",
        Acc = "acc",
        Prod = "prod",
    }
);

impl Environment {
    /// Whether unsafe values are refused here, rather than allowed or warned of.
    pub fn is_guarded(self) -> bool {
        matches!(self, Self::Acc | Self::Prod)
    }

    /// The built-in layer of this environment.
    pub(super) fn layer(self) -> &'static str {
        match self {
            Self::Dev => include_str!("../../config/dev.toml"),
            Self::Testing => include_str!("../../config/testing.toml"),
            Self::Acc => include_str!("../../config/acc.toml"),
            Self::Prod => include_str!("../../config/prod.toml"),
        }
    }
}
