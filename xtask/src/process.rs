//! Other programs: how they are found, shown and run.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The folder of the workspace.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Where programs are looked for: what `scripts/ci-setup` installed comes first.
pub fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = [".ci/venv/bin", ".ci/node_modules/.bin"].map(|folder| root().join(folder));
    installed.into_iter().chain(env::split_paths(&path)).collect()
}

/// The program of that name, or `None` when it is not installed.
pub fn find(program: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A program to run in the folder of the workspace.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(find(program).unwrap_or_else(|| program.into()));
    let path = env::join_paths(search_path()).unwrap_or_else(|_| OsString::from("/usr/bin:/bin"));
    command.current_dir(root()).env("PATH", path);
    command
}

/// Shows a command, runs it on this terminal, and fails unless it ends well.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = describe(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("`{shown}` does not start"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// What a command prints, without the last line end.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = describe(command);
    let output = command.output().with_context(|| format!("`{shown}` does not start"))?;
    if !output.status.success() {
        bail!("`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Runs a command that reads `input`, and fails unless it ends well.
pub fn feed(command: &mut Command, input: &str) -> Result<()> {
    let shown = describe(command);
    let mut child =
        command.stdin(Stdio::piped()).spawn().with_context(|| format!("`{shown}` does not start"))?;
    // Dropped at once, which is the end of the input.
    child.stdin.take().context("there is no pipe to it")?.write_all(input.as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "`{shown}` failed: {status}");
    Ok(())
}

/// A figure of a process in KiB (proc(5), `status`): `VmRSS:`, `VmHWM:`.
pub fn status_kib(pid: u32, figure: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    Ok(line.with_context(|| format!("no {figure}"))?.trim().trim_end_matches("kB").trim().parse()?)
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
