//! The layers, laid over each other: for every key its text so far, and where that came from.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::keys;
use super::report::{Fault, Origin};

const DEFAULT: &str = include_str!("../../config/default.toml");

/// Every known key with its value so far, and the faults met on the way.
pub(super) struct Layers {
    keys: BTreeMap<String, Key>,
    pub(super) faults: Vec<Fault>,
}

pub(super) struct Key {
    default: Value,
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl Key {
    pub(super) fn default_text(&self) -> String {
        text_of(&self.default)
    }

    /// A key that is not set by default (`""`) leaves the kind of its value to the section that reads it.
    fn takes(&self, value: &Value) -> bool {
        self.default.same_type(value) || self.default.as_str() == Some("")
    }
}

impl Layers {
    /// The lowest layer, `config/default.toml`: what is not in it is not a key.
    pub(super) fn built_in() -> Self {
        let mut layers = Self { keys: BTreeMap::new(), faults: Vec::new() };
        for (path, default) in layers.leaves(DEFAULT, &Origin::Default) {
            layers.keys.insert(path, Key { text: text_of(&default), default, origin: Origin::Default });
        }
        layers
    }

    pub(super) fn lay_toml(&mut self, document: &str, origin: &Origin) {
        for (path, value) in self.leaves(document, origin) {
            match self.keys.get(&path) {
                Some(key) if !key.takes(&value) => {
                    let problem = format!("is a TOML {}", value.type_str());
                    let suggestion = format!("write it as a TOML {}", key.default.type_str());
                    self.fault(&path, origin.clone(), problem, suggestion);
                }
                _ => self.lay(&path, text_of(&value), origin.clone()),
            }
        }
    }

    pub(super) fn lay(&mut self, path: &str, text: String, origin: Origin) {
        match self.keys.get_mut(path) {
            Some(_) if text.contains(char::REPLACEMENT_CHARACTER) => {
                self.fault(path, origin, "is not UTF-8", "percent-encode it, or write it in UTF-8");
            }
            Some(key) => (key.text, key.origin) = (text, origin),
            None => self.fault(path, origin, "is not a key", self.did_you_mean(path, str::to_owned)),
        }
    }

    pub(super) fn get(&self, path: &str) -> Option<&Key> {
        self.keys.get(path)
    }

    /// The path of the key whose variable has exactly this name.
    pub(super) fn path_of(&self, variable: &str) -> Option<String> {
        let is_exact = |path: &String| self.keys.contains_key(path) && keys::variable_of(path) == variable;
        keys::path_of(variable).filter(is_exact)
    }

    #[cfg(test)]
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    pub(super) fn did_you_mean(&self, path: &str, shown: impl Fn(&str) -> String) -> String {
        let nearest = keys::nearest(path, self.keys.keys().map(String::as_str));
        nearest.map_or_else(String::new, |nearest| format!("did you mean {}?", shown(nearest)))
    }

    pub(super) fn fault(
        &mut self,
        key: &str,
        origin: Origin,
        problem: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.faults.push(Fault::new(key, origin, problem, suggestion));
    }

    /// The values of a document by path. The parser's own message would quote the line, and with it a secret.
    fn leaves(&mut self, document: &str, origin: &Origin) -> Vec<(String, Value)> {
        match document.parse::<Table>() {
            Ok(table) => flatten("", table),
            Err(error) => {
                let before = error.span().and_then(|span| document.get(..span.start)).unwrap_or_default();
                let line = 1 + before.matches('\n').count();
                let what = error.message().lines().next().unwrap_or_default();
                self.fault("TOML", origin.clone(), format!("cannot be read at line {line}"), what);
                Vec::new()
            }
        }
    }
}

fn flatten(above: &str, table: Table) -> Vec<(String, Value)> {
    let prefix = if above.is_empty() { String::new() } else { format!("{above}.") };
    let leaves = |(name, value)| match value {
        Value::Table(table) => flatten(&format!("{prefix}{name}"), table),
        leaf => vec![(format!("{prefix}{name}"), leaf)],
    };
    table.into_iter().flat_map(leaves).collect()
}

/// The text that a variable would hold for this value.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
