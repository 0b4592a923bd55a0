//! The built program: asked, and serving.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;

/// A command in `folder` that knows no setting of this machine.
pub fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Runs `stead` with `arguments` in a folder of its own.
pub fn stead(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    command(env!("CARGO_BIN_EXE_stead"), folder.path()).args(arguments).output().unwrap()
}

/// Whether there is such a command with such flags; its help is all that runs.
pub fn is_command(arguments: &[&str]) -> bool {
    // What is meant to be replaced is replaced; what may be left out is.
    let given = arguments.iter().take_while(|word| !word.starts_with(['[', '<', '…', '>', '$']));
    let is_placeholder = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase());
    let given = given.map(|word| if is_placeholder(word) { "ada@example.com" } else { word });
    stead(&given.chain(["--help"]).collect::<Vec<_>>()).status.success()
}

/// The API document of the program.
pub fn document() -> Value {
    let output = stead(&["openapi"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `stead serve` on a free port, in a folder of its own, until it is dropped.
pub struct Server {
    child: Child,
    /// Where it listens, as `127.0.0.1:41234`.
    pub address: String,
    /// Read no further, but held: a server whose log goes nowhere would end.
    _log: BufReader<ChildStderr>,
    pub folder: tempfile::TempDir,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(env!("CARGO_BIN_EXE_stead"), folder.path());
        command.env("APP_SERVER__PORT", "0").env("APP_SERVER__MANAGEMENT_ADDRESS", "127.0.0.1:0");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let begin = said.len();
            assert!(log.read_line(&mut said).unwrap() > 0, "the server did not start:\n{said}");
            let listening = said[begin..].split_once("listening address=");
            if let Some(address) = listening.and_then(|(_, rest)| rest.split_whitespace().next()) {
                break address.to_owned();
            }
        };
        Self { child, address, _log: log, folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
