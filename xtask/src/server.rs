//! The real server as a child process: built, started in a folder of its own, asked, stopped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::place::Place;
use crate::postgres::free_port;
use crate::process;

/// How the server is compiled for a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    Dev,
    Release,
}

/// Builds the server and gives the path of its binary.
pub fn build(profile: Profile) -> Result<PathBuf> {
    let name = if profile == Profile::Release { "release" } else { "dev" };
    process::run(process::command("cargo").args([
        "build",
        "--quiet",
        "--locked",
        "--bin",
        "stead",
        "--profile",
        name,
    ]))?;
    let metadata =
        process::output(process::command("cargo").args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(Path::new(target).join(if profile == Profile::Release { "release" } else { "debug" }).join("stead"))
}

pub struct Server {
    child: Child,
    started: Instant,
    port: u16,
    log: PathBuf,
}

impl Server {
    /// `stead serve` in a place, on free ports and with its log beside its database.
    pub fn start(binary: &Path, place: &Place) -> Result<Self> {
        Self::start_with(binary, place, &[])
    }

    /// The same, with variables of this server alone.
    pub fn start_with(binary: &Path, place: &Place, variables: &[(&str, &str)]) -> Result<Self> {
        Self::start_at(binary, place, variables, free_port()?)
    }

    /// The same, on this port.
    pub fn start_at(binary: &Path, place: &Place, variables: &[(&str, &str)], port: u16) -> Result<Self> {
        let management = free_port()?;
        let log = place.folder().join("server.log");
        let output = File::options().create(true).append(true).open(&log)?;
        let mut serve = place.command(binary);
        serve.arg("serve").env("APP_SERVER__MANAGEMENT_ADDRESS", format!("127.0.0.1:{management}"));
        serve.envs(variables.iter().copied()).env("APP_SERVER__PORT", port.to_string());
        serve.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let started = Instant::now();
        let child = serve.spawn().with_context(|| format!("{} does not start", binary.display()))?;
        Ok(Self { child, started, port, log })
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a path answers 200, and gives the time since the start of the process.
    pub fn wait_for(&mut self, path: &str, patience: Duration) -> Result<Duration> {
        loop {
            let last = match get(self.port, path) {
                Ok((200, _)) => return Ok(self.started.elapsed()),
                Ok((status, _)) => format!("the last answer was {status}"),
                Err(error) => format!("{error:#}"),
            };
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}\n{}", self.last_words());
            }
            if self.started.elapsed() > patience {
                bail!("{path} did not answer 200 within {patience:?}: {last}\n{}", self.last_words());
            }
            sleep(Duration::from_millis(1));
        }
    }

    /// The status and body of a path.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        get(self.port, path)
    }

    /// Asks the server to end, as an orchestrator does, and gives how long it took. Anything but a
    /// clean exit is an error.
    pub fn stop(mut self, patience: Duration) -> Result<Duration> {
        let begun = Instant::now();
        process::output(Command::new("kill").arg("-TERM").arg(self.pid().to_string()))?;
        while begun.elapsed() < patience {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server stopped with {status}\n{}", self.last_words());
                return Ok(begun.elapsed());
            }
            sleep(Duration::from_millis(5));
        }
        bail!("the server was still there {patience:?} after SIGTERM\n{}", self.last_words())
    }

    /// Asks the server to read its certificate again.
    pub fn hang_up(&self) -> Result<()> {
        process::output(Command::new("kill").arg("-HUP").arg(self.pid().to_string())).map(drop)
    }

    /// Ends the server as a power failure would end its process: at once, wherever it is.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Memory in use that is the server's own, in KiB (VmRSS).
    pub fn resident_kib(&self) -> Result<u64> {
        process::status_kib(self.pid(), "VmRSS:")
    }

    /// What the processor has done for it so far, its threads that have ended included (proc(5): the 14th and
    /// 15th fields of `stat`, in hundredths of a second).
    pub fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        // The second field is a name in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("no name in stat")?;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
    }

    /// How many of its threads have a name that begins like this.
    pub fn threads(&self, prefix: &str) -> Result<usize> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid()))?.flatten();
        // A thread that has ended meanwhile has no name any more.
        let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
        Ok(names.filter(|name| name.starts_with(prefix)).count())
    }

    /// How many files and connections it has open.
    pub fn open_files(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `stop`; after an error it must not outlive the run.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(port: u16, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse_answer(&String::from_utf8_lossy(&answer))
}

fn parse_answer(answer: &str) -> Result<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
    let status = head.split(' ').nth(1).context("no status line")?;
    Ok((status.parse()?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(parse_answer(answer).unwrap(), (503, "{}".to_owned()));
        assert!(parse_answer("").is_err());
    }
}
