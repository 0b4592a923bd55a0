//! The balancer of the documentation, before the servers of a drill.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::postgres::free_port;
use crate::process;
use crate::server::Server;

const CONFIGURATION: &str = "deploy/haproxy/haproxy.cfg";
/// Where Debian has it, which is on the path of root alone.
const DEBIAN: &str = "/usr/sbin/haproxy";
const NAMES: [&str; 3] = ["STEAD_ONE", "STEAD_TWO", "STEAD_THREE"];
const PATIENCE: Duration = Duration::from_secs(10);

/// How long after a server is ready, or not, it has been looked at twice: what the file says, and a margin.
pub(super) const NOTICED: Duration = Duration::from_millis(1500);

pub(super) struct Haproxy {
    child: Child,
    port: u16,
}

pub(super) fn is_there() -> bool {
    let there = process::find("haproxy").is_some() || Path::new(DEBIAN).is_file();
    if !there {
        println!("haproxy NOT FOUND, so this is skipped; install it (Debian: apt-get install haproxy)");
    }
    there
}

impl Haproxy {
    /// Before three servers, with the file that the documentation names.
    pub fn before(servers: &[Server], folder: &Path) -> Result<Self> {
        ensure!(servers.len() == NAMES.len(), "the file names three servers");
        let (port, log) = (free_port()?, folder.join("haproxy.log"));
        let mut command = Command::new(process::find("haproxy").unwrap_or_else(|| DEBIAN.into()));
        command.args(["-db", "-f"]).arg(process::root().join(CONFIGURATION));
        command.env("STEAD_LISTEN", format!("127.0.0.1:{port}"));
        command.envs(NAMES.into_iter().zip(servers.iter().map(|server| server.address().to_string())));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let mut haproxy = Self { child: command.spawn().context("haproxy does not start")?, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let lives = haproxy.child.try_wait()?.is_none() && begun.elapsed() < PATIENCE;
            ensure!(lives, "haproxy does not listen: {}", fs::read_to_string(&log)?);
            sleep(Duration::from_millis(5));
        }
        Ok(haproxy)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
