//! A PostgreSQL server of a drill's own that keeps what it acknowledged, and that may be killed, stopped and
//! started again. Its files lie on a disk, and it waits for them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use tempfile::TempDir;

use super::account::Account;
use super::port::free_port;
use super::{cluster, guard};
use crate::process;

/// How long a start with all its recovery, or an end, may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(2);

/// Ended, and its files removed, with this value.
pub struct Durable {
    bin: PathBuf,
    account: Account,
    folder: TempDir,
    password: String,
    port: u16,
}

impl Durable {
    /// `None` where PostgreSQL is not installed: a server somewhere else is not ours to kill.
    pub fn start() -> Result<Option<Self>> {
        let Some(bin) = cluster::binaries() else {
            println!(
                "PostgreSQL is NOT INSTALLED here, and no other server may be killed; Debian: apt-get install postgresql"
            );
            return Ok(None);
        };
        let (account, folder) = (Account::for_server(), tempfile::tempdir()?);
        account.own(folder.path())?;
        guard::order(&format!("cluster {} {}", folder.path().display(), bin.display()));
        let password = cluster::password()?;
        let tool = |name: &str| cluster::tool(&bin, name, &account);
        cluster::initdb(&tool, folder.path(), &password, &account).map_err(|why| anyhow!(why))?;
        let port = free_port()?;
        let durable = Self { bin, account, folder, password, port };
        durable.configure()?;
        durable.launch()?;
        Ok(Some(durable))
    }

    /// Of a database that is not there yet.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{name}", self.password, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn configure(&self) -> Result<()> {
        let path = self.folder.path().join("data/postgresql.conf");
        let mut file = OpenOptions::new().append(true).open(path)?;
        writeln!(file, "fsync = on\nsynchronous_commit = on\nfull_page_writes = on")?;
        writeln!(file, "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''", self.port)?;
        writeln!(file, "max_connections = 200\ndynamic_shared_memory_type = mmap")?;
        Ok(())
    }

    /// Starts it, and returns as soon as it takes connections.
    pub fn launch(&self) -> Result<()> {
        self.control(&["start", "--no-wait", "--silent"])?;
        self.until("it takes connections", || self.lock_file_line(7).is_some_and(|state| state == "ready"))
    }

    /// As an operator restarts it: `fast` or `immediate`.
    pub fn restart(&self, mode: &str) -> Result<()> {
        self.control(&["restart", "--no-wait", "--silent", "--mode", mode])?;
        self.until("it takes connections", || self.lock_file_line(7).is_some_and(|state| state == "ready"))
    }

    /// Ends all its processes at once.
    pub fn kill(&self) -> Result<()> {
        let postmaster = self.postmaster()?;
        // First, so that it makes no others meanwhile.
        signal("STOP", &[postmaster])?;
        let family = family(postmaster)?;
        signal("KILL", &family)?;
        self.until("all its processes are gone", || family.iter().all(|pid| is_gone(*pid)))?;
        // Whoever inherits the dead may let their numbers stay taken for a while, and the file has one.
        Ok(fs::remove_file(self.lock_file())?)
    }

    /// Lets none of its processes run.
    pub fn freeze(&self) -> Result<()> {
        let postmaster = self.postmaster()?;
        signal("STOP", &[postmaster])?;
        signal("STOP", &family(postmaster)?)
    }

    pub fn thaw(&self) -> Result<()> {
        signal("CONT", &family(self.postmaster()?)?)
    }

    fn control(&self, arguments: &[&str]) -> Result<()> {
        let mut control = cluster::tool(&self.bin, "pg_ctl", &self.account);
        control.args(arguments).arg("--pgdata").arg(self.folder.path().join("data"));
        control.arg("--log").arg(self.log());
        cluster::finish(control).map(drop).map_err(|why| anyhow!("pg_ctl: {why}{}", self.last_words()))
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) -> Result<()> {
        let begun = Instant::now();
        while !is_so() {
            ensure!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}\n{}", self.last_words());
            sleep(LOOK);
        }
        Ok(())
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.path().join("data/postmaster.pid")
    }

    fn lock_file_line(&self, index: usize) -> Option<String> {
        let text = fs::read_to_string(self.lock_file()).ok()?;
        Some(text.lines().nth(index)?.trim().to_owned())
    }

    fn postmaster(&self) -> Result<u32> {
        Ok(self.lock_file_line(0).context("PostgreSQL does not run")?.parse()?)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        // What fails here is cleared up by the guard.
        let _ = self.kill();
    }
}

/// A process and its children.
fn family(parent: u32) -> Result<Vec<u32>> {
    let mut family = vec![parent];
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if stat(pid).is_some_and(|(_, of)| of == parent) {
            family.push(pid);
        }
    }
    Ok(family)
}

/// The state and the parent of a process (proc(5)).
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in brackets, which may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn is_gone(pid: u32) -> bool {
    stat(pid).is_none_or(|(state, _)| state == "Z" || state == "X")
}

/// One that has ended by itself meanwhile is none to complain about.
fn signal(name: &str, pids: &[u32]) -> Result<()> {
    let pids = pids.iter().filter(|pid| !is_gone(**pid)).map(ToString::to_string);
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(pids);
    let done = process::output(&mut kill);
    match done {
        Err(error) if !error.to_string().contains("No such process") => Err(error),
        _ => Ok(()),
    }
}
