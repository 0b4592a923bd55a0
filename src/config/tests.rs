//! The configuration as a whole: layers, and the files that describe it.

use std::path::Path;

use super::layers::Layers;
use super::*;

mod open_telemetry;
mod refusals;

/// 32 bytes, from 7 on.
const KEY: &str = "BwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSY=";

/// What a production needs, and no more.
const PRODUCTION: [(&str, &str); 5] = [
    ("APP_ENV", "prod"),
    ("APP_SECRET_KEY", KEY),
    ("APP_SERVER__PUBLIC_URL", "https://api.example.com"),
    ("DATABASE_URL", "postgres://stead:hunter2@db/stead"),
    ("APP_MAIL__URL", "smtps://stead:hunter2@mail.example.com"),
];

fn given(variables: &[(&str, &str)]) -> Sources {
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Sources { variables, ..Sources::default() }
}

fn in_production(more: &[(&str, &str)]) -> Sources {
    given(&[&PRODUCTION, more].concat())
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    std::fs::write(directory.join(name), text).unwrap();
    directory.join(name).display().to_string()
}

fn faults(sources: &Sources) -> Vec<Fault> {
    load(sources).map(|loaded| loaded.config).unwrap_err().faults
}

/// The keys at fault, in order.
fn refused(sources: &Sources) -> Vec<String> {
    faults(sources).into_iter().map(|fault| fault.key).collect()
}

/// Where `server.port` came from, and what it is.
fn port(sources: &Sources) -> (u16, String) {
    let loaded = load(sources).unwrap();
    let entry = loaded.entries.iter().find(|entry| entry.path == "server.port").unwrap();
    (loaded.config.server.port, entry.origin.to_string())
}

#[test]
fn every_environment_starts_with_what_it_needs_and_warns_of_nothing() {
    for environment in [Environment::Dev, Environment::Testing] {
        let loaded = load_as(&Sources::default(), environment).unwrap();
        assert_eq!(loaded.warnings, []);
        assert!(loaded.config.secret_key.is_none());
        assert_eq!(loaded.config.mail.url.unwrap().expose(), "outbox:");
        assert_eq!(loaded.config.auth.email_verification, EmailVerification::Optional);
    }
    for environment in [Environment::Acc, Environment::Prod] {
        let Loaded { config, warnings, .. } = load_as(&in_production(&[]), environment).unwrap();
        assert_eq!(warnings, []);
        assert_eq!(config.secret_key.unwrap().expose().as_slice(), (7..39).collect::<Vec<u8>>());
        assert_eq!(config.auth.email_verification, EmailVerification::Required);
        assert_eq!(config.server.drain_delay, std::time::Duration::from_secs(5));
        assert_eq!(config.docs.enabled, environment == Environment::Acc);
        assert!(config.cors.allowed_origins.is_empty());
    }
}

#[test]
fn a_later_layer_wins_over_an_earlier_one() {
    let directory = tempfile::tempdir().unwrap();
    let by_variable = write(directory.path(), "variable.toml", "server.port = 1001");
    let by_flag = write(directory.path(), "flag.toml", "server.port = 1002");
    let mut sources = Sources { dot_env_dir: Some(directory.path().into()), ..Sources::default() };
    assert_eq!(port(&sources), (8080, "built-in default".into()));
    sources.variables.insert("APP_CONFIG_FILE".into(), by_variable.clone());
    assert_eq!(port(&sources), (1001, format!("file {by_variable}")));
    sources.file = Some(by_flag.clone().into());
    assert_eq!(port(&sources), (1002, format!("file {by_flag}")));
    sources.variables.insert("PORT".into(), "1003".into());
    assert_eq!(port(&sources), (1003, "variable PORT".into()));
    write(directory.path(), ".env", "APP_SERVER__PORT=1004");
    assert_eq!(port(&sources), (1004, ".env".into()));
    sources.variables.insert("APP_SERVER__PORT".into(), "1005".into());
    assert_eq!(port(&sources), (1005, "variable APP_SERVER__PORT".into()));
    sources.flags.push(("server.port".into(), "1006".into()));
    assert_eq!(port(&sources), (1006, "flag --port".into()));
}

#[test]
fn a_layer_of_the_environment_is_named_as_the_origin() {
    let loaded = load(&in_production(&[])).unwrap();
    let entry = loaded.entries.iter().find(|entry| entry.path == "docs.enabled").unwrap();
    assert_eq!(
        serde_json::to_value(entry).unwrap(),
        serde_json::json!({"path": "docs.enabled", "value": "false", "origin": "config/prod.toml"})
    );
}

#[test]
fn a_value_can_come_from_a_file_without_its_line_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), "url", "postgres://stead:hunter2@db/from_file\r\n");
    let loaded = load(&given(&[("APP_DATABASE__URL_FILE", &path)])).unwrap();
    assert_eq!(loaded.config.database.url.expose(), "postgres://stead:hunter2@db/from_file");
    let entry = loaded.entries.iter().find(|entry| entry.path == "database.url").unwrap();
    assert_eq!(entry.value, "postgres://stead:***@db/from_file");
    assert_eq!(entry.origin.to_string(), "file named by APP_DATABASE__URL_FILE");
}

#[test]
fn a_file_that_is_missing_doubled_or_misspelt_is_refused() {
    let missing = faults(&given(&[("APP_SECRET_KEY_FILE", "/nowhere/hunter2")]));
    assert!(missing[0].problem.starts_with("cannot be read"));
    assert!(!format!("{missing:?}").contains("hunter2"));
    let doubled = faults(&given(&[("APP_SECRET_KEY", KEY), ("APP_SECRET_KEY_FILE", "/nowhere")]));
    assert_eq!(doubled[0].problem, "is set twice: by APP_SECRET_KEY and by APP_SECRET_KEY_FILE");
    let misspelt = faults(&given(&[("APP_SECRT_KEY_FILE", "/nowhere")]));
    assert_eq!(misspelt[0].suggestion, "did you mean APP_SECRET_KEY_FILE?");
}

#[test]
fn dot_env_is_read_in_dev_and_testing_only() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), ".env", "\u{FEFF}APP_SERVER__PORT=1004 # mine\nPOSTGRES_PASSWORD=x");
    let within = |sources| Sources { dot_env_dir: Some(directory.path().into()), ..sources };
    assert_eq!(port(&within(given(&[]))).0, 1004);
    assert_eq!(port(&within(given(&[("APP_ENV", "testing")]))).0, 1004);
    assert_eq!(port(&within(in_production(&[]))).0, 8080);
}

#[test]
fn faults_in_dot_env_are_told_without_quoting_it() {
    let directory = tempfile::tempdir().unwrap();
    let sources = Sources { dot_env_dir: Some(directory.path().into()), ..Sources::default() };
    write(directory.path(), ".env", "APP_ENV=prod\nAPP_SERVER__PROT=1\n");
    assert_eq!(refused(&sources), ["APP_ENV", "APP_SERVER__PROT"]);
    write(directory.path(), ".env", "APP_SECRET_KEY hunter2");
    let told = faults(&sources);
    assert_eq!(told[0].key, ".env");
    assert!(!format!("{told:?}").contains("hunter2"));
    write(directory.path(), ".env", "APP_ENV=dev");
    assert!(load(&sources).is_ok());
}

#[test]
fn a_broken_file_is_told_by_its_line_and_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), "stead.toml", "[server]\nport = 1\nsecret_key = hunter2 hunter2\n");
    let told = faults(&Sources { file: Some(path.into()), ..Sources::default() });
    assert_eq!((told.len(), told[0].problem.as_str()), (1, "cannot be read at line 3"));
    assert!(!format!("{told:?}").contains("hunter2"));
    assert_eq!(faults(&given(&[("APP_CONFIG_FILE", "/nowhere.toml")])).len(), 1);
}

#[test]
fn the_public_address_is_made_of_host_and_port_when_it_is_not_set() {
    for (host, address) in
        [("127.0.0.1", "http://127.0.0.1:80/"), ("0.0.0.0", "http://localhost/"), ("::1", "http://[::1]/")]
    {
        let server = load(&given(&[("APP_SERVER__HOST", host), ("PORT", "80")])).unwrap().config.server;
        assert_eq!(server.public_url().as_str(), address.replace(":80", ""));
    }
    assert_eq!(
        load(&in_production(&[])).unwrap().config.server.public_url().as_str(),
        "https://api.example.com/"
    );
}

#[test]
fn every_key_of_the_reference_is_read_once_and_every_setting_is_in_it() {
    let layers = Layers::built_in();
    let mut read: Vec<_> =
        load(&Sources::default()).unwrap().entries.into_iter().map(|entry| entry.path).collect();
    read.sort();
    assert_eq!(read, layers.paths().collect::<Vec<_>>());
}

#[test]
fn the_example_of_dot_env_names_every_variable_with_its_default() {
    let example = include_str!("../../.env.example");
    let named: Vec<_> =
        example.lines().filter_map(|line| line.strip_prefix("#APP_")?.split_once('=')).collect();
    let directory = tempfile::tempdir().unwrap();
    let lines: Vec<_> = named.iter().map(|(name, value)| format!("APP_{name}={value}")).collect();
    write(directory.path(), ".env", &lines.join("\n"));
    let sources = Sources { dot_env_dir: Some(directory.path().into()), ..Sources::default() };
    let loaded = load(&sources).unwrap();
    let layers = Layers::built_in();
    for Entry { path, value, origin } in &loaded.entries {
        let default = layers.get(path).unwrap().default_text();
        if default.is_empty() && *origin == Origin::Derived {
            continue;
        }
        assert_eq!(origin, &Origin::DotEnv, "{path} is missing");
        assert_eq!(value, &default, "{path}");
    }
    assert_eq!(named.len(), loaded.entries.len(), "each is named once");
}
