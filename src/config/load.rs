//! From sources to a configuration, or to a report of all that is wrong with it.

use std::path::PathBuf;

use super::check::check;
use super::derived::fill_in;
use super::environment::Environment;
use super::layers::Layers;
use super::open_telemetry;
use super::reader::Reader;
use super::report::{Entry, Fault, Origin, Report};
use super::sections::Config;
use super::setting::Setting;
use super::sources::Sources;
use super::variables::{CONFIG_FILE, ENVIRONMENT, Variables};

/// A configuration, and how it came about.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// Every key, in the order of [`Config`].
    pub entries: Vec<Entry>,
    /// What this environment lets pass, and another would not.
    pub warnings: Vec<Fault>,
}

/// Loads the configuration for the environment that `APP_ENV` names, or `dev`.
///
/// # Errors
/// Every fault at once: unreadable sources, unknown keys, wrong values, and what the environment refuses.
pub fn load(sources: &Sources) -> Result<Loaded, Report> {
    let chosen = sources.variables.get(ENVIRONMENT).map_or(Environment::Dev.as_str(), String::as_str);
    if let Ok(environment) = chosen.parse() {
        return load_as(sources, environment);
    }
    let problem = format!("is `{chosen}`, which is not {}", Environment::WANTED);
    let origin = Origin::Variable(ENVIRONMENT.to_owned());
    let fault = Fault::new(ENVIRONMENT, origin, problem, "choose one of them, or leave it out for `dev`");
    let (others, entries) = match load_as(sources, Environment::Dev) {
        Ok(loaded) => (Vec::new(), loaded.entries),
        Err(report) => (report.faults, report.entries),
    };
    Err(Report { faults: [vec![fault], others].concat(), entries })
}

/// Loads the configuration as this environment would, whatever `APP_ENV` says.
///
/// # Errors
/// As [`load`].
pub fn load_as(sources: &Sources, environment: Environment) -> Result<Loaded, Report> {
    let mut layers = lay_all(sources, environment);
    let mut reader = Reader::new(&layers);
    let config = Config::read(environment, &mut reader);
    let Reader { mut entries, faults: unreadable, .. } = reader;
    layers.faults.extend(unreadable);
    let (refused, warnings) = config.as_ref().map(|config| check(config, &layers)).unwrap_or_default();
    // A key that could not be read was judged by its default, which is beside the point.
    let is_news = |fault: &Fault| layers.faults.iter().all(|earlier| earlier.key != fault.key);
    let refused: Vec<_> = refused.into_iter().filter(is_news).collect();
    let faults = [layers.faults, refused].concat();
    if let Some(config) = &config {
        fill_in(&mut entries, config, &faults);
    }
    match config {
        Some(config) if faults.is_empty() => {
            let warnings = [warnings, open_telemetry::doubts(&config, sources)].concat();
            Ok(Loaded { config, entries, warnings })
        }
        _ => Err(Report { faults, entries }),
    }
}

/// The layers, lowest first.
fn lay_all(sources: &Sources, environment: Environment) -> Layers {
    let mut layers = Layers::built_in();
    layers.lay_toml(environment.layer(), &Origin::Environment(environment));
    if let Some(path) = file_of(sources) {
        match std::fs::read_to_string(&path) {
            Ok(document) => layers.lay_toml(&document, &Origin::File(path)),
            Err(error) => {
                let (key, problem) = (path.display().to_string(), format!("cannot be read: {error}"));
                layers.fault(&key, Origin::File(path), problem, "name a file that this process may read");
            }
        }
    }
    let mut variables = Vec::new();
    if let Some(directory) = sources.dot_env_dir.as_ref().filter(|_| !environment.is_guarded()) {
        variables.push(Variables::from_dot_env(directory, environment, &mut layers));
    }
    variables.push(Variables { values: sources.variables.clone(), is_dot_env: false });
    variables.iter().for_each(|variables| variables.lay_aliases(&mut layers));
    variables.iter().for_each(|variables| variables.lay(&mut layers));
    for (path, value) in &sources.flags {
        layers.lay(path, value.clone(), Origin::Flag(path.clone()));
    }
    layers
}

fn file_of(sources: &Sources) -> Option<PathBuf> {
    let by_variable =
        || sources.variables.get(CONFIG_FILE).filter(|path| !path.is_empty()).map(PathBuf::from);
    sources.file.clone().or_else(by_variable)
}
