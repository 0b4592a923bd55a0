//! Everything outside the binary that configures it, as a value.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a configuration is made from. No `Debug`: it holds every secret in clear.
///
/// The default is nothing at all, which makes a `dev` configuration that no machine can disturb.
#[derive(Clone, Default)]
pub struct Sources {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The file of `--config`; it goes before `APP_CONFIG_FILE`.
    pub file: Option<PathBuf>,
    /// Where `.env` is looked for, in dev and testing.
    pub dot_env_dir: Option<PathBuf>,
    /// Path (`server.port`) and value; they win over everything else.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The environment of this process, its working directory, and what its arguments said.
    pub fn from_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        // What is not UTF-8 is carried on marked, so that it is refused where it is read, not left out.
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
        Self { variables, file, dot_env_dir: Some(PathBuf::from(".")), flags }
    }
}
