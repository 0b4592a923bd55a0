//! Variables as layers: those of the process, and those in `.env`.

use std::collections::BTreeMap;
use std::path::Path;

use super::environment::Environment;
use super::keys;
use super::layers::Layers;
use super::report::Origin;

/// The environment to run in, and the file of `--config`: read before there are layers.
pub(super) const ENVIRONMENT: &str = "APP_ENV";
pub(super) const CONFIG_FILE: &str = "APP_CONFIG_FILE";

/// Names that platforms set, honoured below every `APP_` form.
const ALIASES: [(&str, &str); 2] = [("PORT", "server.port"), ("DATABASE_URL", "database.url")];

/// The variables of one place.
pub(super) struct Variables {
    pub(super) values: BTreeMap<String, String>,
    pub(super) is_dot_env: bool,
}

impl Variables {
    /// Reads `directory/.env`; none is the same as an empty one.
    pub(super) fn from_dot_env(directory: &Path, environment: Environment, layers: &mut Layers) -> Self {
        let mut variables = Self { values: BTreeMap::new(), is_dot_env: true };
        let text = match std::fs::read_to_string(directory.join(".env")) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return variables,
            Err(error) => {
                layers.fault(".env", Origin::DotEnv, format!("cannot be read: {error}"), "mend or remove it");
                return variables;
            }
        };
        let text = text.trim_start_matches('\u{FEFF}');
        let lines: Result<BTreeMap<_, _>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
        match lines {
            Ok(values) => variables.values = values,
            // Its message would quote the line, and with it a secret.
            Err(_) => {
                layers.fault(".env", Origin::DotEnv, "has a line that is not NAME=value", "mend the line")
            }
        }
        variables.refuse_what_comes_too_late(environment, layers);
        variables
    }

    /// What chooses the layers cannot stand in one of them.
    fn refuse_what_comes_too_late(&self, environment: Environment, layers: &mut Layers) {
        for name in [ENVIRONMENT, CONFIG_FILE] {
            let is_moot = |value: &String| name == ENVIRONMENT && value == environment.as_str();
            if self.values.get(name).is_some_and(|value| !is_moot(value)) {
                let suggestion = "set it in the environment of the process";
                layers.fault(name, Origin::DotEnv, "has no effect in .env", suggestion);
            }
        }
    }

    pub(super) fn lay_aliases(&self, layers: &mut Layers) {
        for (name, path) in ALIASES {
            if let Some(value) = self.values.get(name) {
                layers.lay(path, value.clone(), self.origin(name));
            }
        }
    }

    pub(super) fn lay(&self, layers: &mut Layers) {
        let chooses = |name: &str| [ENVIRONMENT, CONFIG_FILE].contains(&name);
        for (name, value) in self.values.iter().filter(|(name, _)| !chooses(name)) {
            let base = name.strip_suffix("_FILE").unwrap_or(name);
            if let Some(path) = layers.path_of(name) {
                layers.lay(&path, value.clone(), self.origin(name));
            } else if let Some(path) = layers.path_of(base) {
                self.lay_file(name, base, &path, layers);
            } else if let Some(path) = keys::path_of(base) {
                let suffix = &name[base.len()..];
                let meant = layers.did_you_mean(&path, |path| keys::variable_of(path) + suffix);
                layers.fault(name, self.origin(name), "is not the variable of a key", meant);
            }
        }
    }

    /// Lays the content of the file that `name` (the variable `base`, with `_FILE`) names.
    fn lay_file(&self, name: &str, base: &str, path: &str, layers: &mut Layers) {
        if self.values.contains_key(base) {
            let problem = format!("is set twice: by {base} and by {name}");
            layers.fault(path, self.origin(name), problem, "keep one of the two");
            return;
        }
        let origin = Origin::FileNamedBy(name.to_owned());
        match self.values.get(name).map(std::fs::read_to_string) {
            Some(Ok(text)) => layers.lay(path, text.trim_end_matches(['\r', '\n']).to_owned(), origin),
            // The path is not quoted: some put the secret itself there.
            Some(Err(error)) => {
                let suggestion = format!("set {name} to the path of a file that this process may read");
                layers.fault(path, origin, format!("cannot be read: {error}"), suggestion);
            }
            None => {}
        }
    }

    fn origin(&self, name: &str) -> Origin {
        if self.is_dot_env { Origin::DotEnv } else { Origin::Variable(name.to_owned()) }
    }
}
