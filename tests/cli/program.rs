//! Runs of the program in a folder where nothing is but what it made there.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Hashes that cost nothing, and listeners wherever there is room.
const SETTINGS: [(&str, &str); 4] = [
    ("APP_AUTH__HASH__MEMORY_KIB", "64"),
    ("APP_AUTH__HASH__ITERATIONS", "1"),
    ("APP_SERVER__PORT", "0"),
    ("APP_SERVER__MANAGEMENT_ADDRESS", "127.0.0.1:0"),
];

/// An empty folder to start the program in.
pub struct Folder {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { folder, variables: SETTINGS.map(owned).into() }
    }

    /// The same folder, where this variable is set for every run.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn is_empty(&self) -> bool {
        self.path().read_dir().unwrap().next().is_none()
    }

    /// A run that has not begun.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stead"));
        command.args(arguments.split_whitespace()).current_dir(self.path());
        command.env_clear().envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Runs to the end; the arguments are separated by spaces.
    pub fn run(&self, arguments: &str) -> Outcome {
        Outcome::of(self.command(arguments).output().unwrap())
    }

    /// Runs to the end with this on its standard input.
    pub fn feed(&self, arguments: &str, input: &str) -> Outcome {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Outcome::of(child.wait_with_output().unwrap())
    }
}

pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Claims an exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Claims that it failed (exit code 1), that it says each of these on stderr, and nothing on stdout.
    #[track_caller]
    pub fn fails(self, words: &[&str]) -> Self {
        let outcome = self.expect(1);
        for word in words {
            assert!(outcome.stderr.contains(word), "no {word:?} in:\n{}", outcome.stderr);
        }
        assert_eq!(outcome.stdout, "");
        outcome
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}
