//! PostgreSQL for a run: a throwaway server, or a database of its own on the one that
//! `TEST_DATABASE_URL` names. The means are those of the tests, and so is the guard that clears up.

#[path = "../../tests/api/harness/postgres/account.rs"]
mod account;
#[path = "../../tests/api/harness/postgres/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "only tests count on which database they ran")]
#[path = "../../tests/api/harness/postgres/guard.rs"]
mod guard;
#[path = "../../tests/api/harness/postgres/port.rs"]
mod port;
pub mod durable;

use std::env;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail};

pub use port::free_port;

/// The address of a database that does not exist yet, and is dropped when this process ends; `None`
/// on a machine without PostgreSQL, which in CI is an error.
pub fn fresh_url() -> Result<Option<String>> {
    static SERVER: OnceLock<Result<Option<Server>, String>> = OnceLock::new();
    static MADE: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(|| Server::find().map_err(|error| format!("{error:#}")));
    let Some(server) = server.as_ref().map_err(|error| anyhow!("{error}"))? else { return Ok(None) };
    let name = format!("{}{}", server.prefix, MADE.fetch_add(1, Ordering::Relaxed));
    with_database(&server.url, &name).map(Some)
}

struct Server {
    /// Of some database on it.
    url: String,
    /// How the names of this process's databases begin; the tests sweep up old ones of this kind.
    prefix: String,
}

impl Server {
    fn find() -> Result<Option<Self>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let prefix = format!("stead_test_{now}_{}_", std::process::id());
        if let Some(url) = env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty()) {
            guard::order(&format!("sweep {prefix} {url}"));
            return Ok(Some(Self { url, prefix }));
        }
        if let Some(bin) = cluster::binaries() {
            let cluster = cluster::Cluster::start(&bin)
                .map_err(|error| anyhow!("PostgreSQL does not start: {error}"))?;
            return Ok(Some(Self { url: cluster.url, prefix }));
        }
        let remedy =
            "install the PostgreSQL server (Debian: apt-get install postgresql) or set TEST_DATABASE_URL";
        if env::var_os("CI").is_some() {
            bail!("PostgreSQL not found, and in CI nothing is skipped for want of it: {remedy}");
        }
        println!("PostgreSQL NOT FOUND, so this runs on SQLite only; {remedy}");
        Ok(None)
    }
}

fn with_database(url: &str, name: &str) -> Result<String> {
    let (address, options) = url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let (scheme, rest) = address.split_once("://").context("the address of PostgreSQL has no scheme")?;
    let server = rest.split('/').next().unwrap_or(rest);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    Ok(format!("{scheme}://{server}/{name}{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_database_changes() {
        let fresh = |url| with_database(url, "new").unwrap();
        assert_eq!(
            fresh("postgres://a:b@h:5432/old?sslmode=disable"),
            "postgres://a:b@h:5432/new?sslmode=disable"
        );
        assert_eq!(fresh("postgres://h"), "postgres://h/new");
    }
}
