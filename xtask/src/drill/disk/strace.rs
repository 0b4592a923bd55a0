//! strace, attached to a running server for a while: it sees its system calls, and makes them fail.

use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, ensure};

use crate::process;

pub struct Strace(Child);

impl Strace {
    /// Follows all threads of a process into a file; `Err` holds why where that is not possible here.
    pub fn attach(pid: u32, arguments: &[&str], trace: &Path) -> Result<Result<Self, String>> {
        if process::find("strace").is_none() {
            return Ok(Err("strace is not installed".to_owned()));
        }
        let mut strace = process::command("strace");
        strace.args(["-f", "-o"]).arg(trace).args(arguments).arg("-p").arg(pid.to_string());
        let mut child = strace.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut told = BufReader::new(child.stderr.take().context("there is no pipe from strace")?);
        let mut first = String::new();
        told.read_line(&mut first)?;
        if !first.contains(" attached") {
            child.wait()?;
            return Ok(Err(first.trim().to_owned()));
        }
        // It tells of every thread, and must not wait for a reader.
        thread::spawn(move || io::copy(&mut told, &mut io::sink()));
        Ok(Ok(Self(child)))
    }

    /// Lets the process go on alone.
    pub fn detach(mut self) -> Result<()> {
        process::output(Command::new("kill").arg("-INT").arg(self.0.id().to_string()))?;
        self.0.wait()?;
        Ok(())
    }

    /// Waits until the process is gone, and strace with it.
    pub fn outlive(mut self) -> Result<()> {
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// What cannot be shown here, if anything: whoever may not trace processes is told so at once.
pub fn obstacle(pid: u32, trace: &Path) -> Result<Option<String>> {
    match Strace::attach(pid, &["-e", "trace=fsync"], trace)? {
        Ok(strace) => strace.detach().map(|()| None),
        Err(why) => {
            ensure!(!why.is_empty(), "strace ended without a word");
            Ok(Some(why))
        }
    }
}
