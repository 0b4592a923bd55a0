//! A throwaway PostgreSQL server for one test process: made on first use, in memory where there is
//! room, and removed by the guard. It keeps nothing safe, and so it is fast.

use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::account::Account;
use super::guard;
use super::port::free_port;

/// Initialised and running; its superuser is `postgres`.
pub(super) struct Cluster {
    pub(super) url: String,
}

/// What stops a cluster from starting, with the server's own words.
pub(super) type Failure = String;

/// The folder with `initdb`, `postgres` and `pg_ctl`: the newest that Debian has, else from PATH.
pub(super) fn binaries() -> Option<PathBuf> {
    let complete =
        |bin: &PathBuf| ["initdb", "postgres", "pg_ctl"].iter().all(|tool| bin.join(tool).is_file());
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin")).filter(complete).collect();
    debian.sort_by_key(|bin| {
        let version =
            bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()).map(str::parse::<u32>);
        version.and_then(Result::ok).unwrap_or_default()
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian.pop().or_else(|| std::env::split_paths(&path).find(complete))
}

impl Cluster {
    pub(super) fn start(bin: &Path) -> Result<Self, Failure> {
        let account = Account::for_server();
        let folder =
            fresh_folder(&account).map_err(|error| format!("cannot make a folder for it: {error}"))?;
        guard::order(&format!("cluster {} {}", folder.display(), bin.display()));
        let tool = |name: &str| tool(bin, name, &account);

        let password = password().map_err(|error| format!("no randomness: {error}"))?;
        initdb(&tool, &folder, &password, &account)?;
        let mut failure = String::new();
        // Another process may take the free port before the server does.
        for _ in 0..3 {
            let port = free_port().map_err(|error| format!("no free port: {error}"))?;
            match launch(&tool, &folder, port) {
                Ok(()) => {
                    return Ok(Self {
                        url: format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"),
                    });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

pub(super) fn password() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

pub(super) fn tool(bin: &Path, name: &str, account: &Account) -> Command {
    let mut command = Command::new(bin.join(name));
    // PGDATA, PGPORT and their kind belong to another server; the folder we are in may be closed
    // to the account.
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").current_dir("/");
    command.stdin(Stdio::null());
    account.assume(&mut command);
    command
}

pub(super) fn initdb(
    tool: &impl Fn(&str) -> Command,
    folder: &Path,
    password: &str,
    account: &Account,
) -> Result<(), Failure> {
    let secret = folder.join("password");
    std::fs::write(&secret, password)
        .and_then(|()| account.own(&secret))
        .map_err(|error| error.to_string())?;
    let mut initdb = tool("initdb");
    initdb.args(["--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]);
    // md5, because scram hashes 4,096 times for each connection that a test opens.
    initdb.args(["--auth=md5", "--pwfile"]).arg(&secret).arg("--pgdata").arg(folder.join("data"));
    // A collation unlike C shows what forgot to ask for C; not every build has ICU.
    let mut with_icu = tool("initdb");
    with_icu.args(initdb.get_args()).args(["--locale-provider=icu", "--icu-locale=en-US"]);
    let first = finish(with_icu);
    let done = if first.is_ok() { first } else { finish(initdb) };
    done.map(drop).map_err(|error| format!("initdb: {error}"))
}

fn launch(tool: &impl Fn(&str) -> Command, folder: &Path, port: u16) -> Result<(), Failure> {
    const UNSAFE_AND_FAST: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off \
        -c wal_level=minimal -c max_wal_senders=0 -c max_connections=300 -c autovacuum=off \
        -c dynamic_shared_memory_type=mmap \
        -c unix_socket_directories= -c listen_addresses=127.0.0.1";
    let log = folder.join("log");
    let mut start = tool("pg_ctl");
    start.args(["start", "--wait", "--silent", "--timeout=60", "--options"]);
    start.arg(format!("{UNSAFE_AND_FAST} -c port={port}"));
    start.arg("--pgdata").arg(folder.join("data")).arg("--log").arg(&log);
    finish(start)
        .map(drop)
        .map_err(|error| format!("pg_ctl: {error}{}", std::fs::read_to_string(log).unwrap_or_default()))
}

pub(super) fn finish(mut command: Command) -> Result<Output, Failure> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn fresh_folder(account: &Account) -> std::io::Result<PathBuf> {
    let memory = Path::new("/dev/shm");
    let parent = if has_room(memory) { memory.to_owned() } else { std::env::temp_dir() };
    let folder = parent.join(format!("stead-test-{}", std::process::id()));
    // Left over only if the machine stopped under an earlier process of the same number.
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    account.own(&folder)?;
    Ok(folder)
}

/// Containers often give shared memory 64 MB, which a server fills before the tests begin.
fn has_room(folder: &Path) -> bool {
    const WANTED_KIB: u64 = 2 * 1024 * 1024;
    let answer = Command::new("df").arg("-Pk").arg(folder).output();
    let table = answer.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let free = table.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    free.is_some_and(|kib| kib >= WANTED_KIB)
}
