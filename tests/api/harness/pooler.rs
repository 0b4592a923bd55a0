//! pgbouncer in transaction mode before a PostgreSQL: a process that ends with this one, however that ends.

use std::env;
use std::fs;
use std::io::{Error, Result};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends when its last user has gone.
pub struct Pooler {
    port: u16,
    /// Its standard input ends with us, and it with that.
    keeper: Child,
}

/// Waits for the end of its input, and takes pgbouncer along.
const KEEPER: &str = r#"trap '' HUP INT TERM
"$1" $3 "$2/pgbouncer.ini" </dev/null >/dev/null 2>"$2/log" &
read -r _
kill "$!"
wait
rm -rf "$2"
"#;

/// Where Debian has it, which is on the path of root alone.
const DEBIAN: &str = "/usr/sbin";

impl Pooler {
    /// Before every database of the server at `url`, with `size` connections to each; `None` where there is
    /// no pgbouncer.
    pub fn before(url: &str, size: u32) -> Result<Option<Self>> {
        let Some(program) = program() else { return Ok(None) };
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let folder = env::temp_dir().join(format!("stead-pooler-{}-{port}", std::process::id()));
        // The password is in it. The pooler reads it before it becomes somebody else.
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        fs::write(folder.join("pgbouncer.ini"), configuration(url, port, size)?)?;
        // It refuses to run as root; any other account will do.
        let is_root = fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0);
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(program).arg(&folder);
        keeper.arg(if is_root { "--user=nobody" } else { "" });
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let pooler = Self { port, keeper };
        pooler.wait(&folder)?;
        Ok(Some(pooler))
    }

    fn wait(&self, folder: &Path) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                return Err(Error::other(format!("pgbouncer does not start: {log}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The same database, through the pooler.
    pub fn url(&self, direct: &str) -> Result<String> {
        let Address { user, name, .. } = Address::of(direct)?;
        Ok(format!("postgres://{user}@127.0.0.1:{}/{name}", self.port))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([DEBIAN.into()]);
    folders.map(|folder| folder.join("pgbouncer")).find(|file| file.is_file())
}

/// Callers need no password here: it is ours to the server.
fn configuration(url: &str, port: u16, size: u32) -> Result<String> {
    let Address { user, password, host, .. } = Address::of(url)?;
    let (host, upstream) = host.split_once(':').unwrap_or((host, "5432"));
    Ok(format!(
        "[databases]
* = host={host} port={upstream} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 2000
server_login_retry = 1
"
    ))
}

/// `postgres://USER:PASSWORD@HOST:PORT/NAME`, in parts.
struct Address<'u> {
    user: &'u str,
    password: &'u str,
    host: &'u str,
    name: &'u str,
}

impl<'u> Address<'u> {
    fn of(url: &'u str) -> Result<Self> {
        let parts = || {
            let (_, rest) = url.split_once("://")?;
            let (person, rest) = rest.rsplit_once('@')?;
            let (user, password) = person.split_once(':').unwrap_or((person, ""));
            let (host, name) = rest.split_once('/')?;
            let name = name.split('?').next()?;
            // The two would have to be written otherwise in the pooler's own file.
            (!person.contains(['%', '\''])).then_some(Self { user, password, host, name })
        };
        parts().ok_or_else(|| Error::other("the address of PostgreSQL cannot be taken apart for a pooler"))
    }
}
