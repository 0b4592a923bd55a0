//! One fault of a body or a query, and how it is written.

use serde::Serialize;

use crate::base::language::{Arg, Language, translate};

/// What is wrong with one field of a body, or with one parameter of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901), such as `/roles/0`.
    pub pointer: String,
    /// What: the text is `fault-<code with dashes>` in `locales/*.ftl`.
    pub code: &'static str,
    /// What the text is filled in with.
    pub args: Vec<(&'static str, Arg)>,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: &'static str) -> Self {
        Self { pointer: pointer.into(), code, args: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    pub(super) fn body(&self, language: Language) -> FaultBody {
        let id = format!("fault-{}", self.code.replace('_', "-"));
        FaultBody {
            pointer: self.pointer.clone(),
            code: self.code,
            message: translate(language, &id, &self.args),
        }
    }
}

/// What is wrong with one field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Fault)]
pub struct FaultBody {
    /// A JSON pointer into the body (RFC 6901), or `/` and the name of a query parameter.
    #[schema(example = "/email")]
    pub pointer: String,
    #[schema(value_type = String, example = "invalid_email")]
    pub code: &'static str,
    /// In the caller's language.
    #[schema(example = "This is not an e-mail address")]
    pub message: String,
}
