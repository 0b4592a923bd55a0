//! A Prometheus that looks every second, with the rules in a hurry.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::postgres::free_port;
use crate::process;

pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
}

/// What makes minutes of the rules seconds; what they look at stays as it is.
const HURRY: [(&str, &str); 5] = [
    ("[5m]", "[15s]"),
    ("[15m]", "[30s]"),
    ("> 900", "> 3"),
    ("> 60 + 3 *", "> 3 + 3 *"),
    ("for: ", "for: 0s # "),
];

/// The rules as they are written, so that all of it is known to be what is deployed.
pub fn rules() -> Result<String> {
    Ok(fs::read_to_string(process::root().join("deploy/prometheus/alerts.yml"))?)
}

impl Prometheus {
    /// Watches the listeners for operators at these ports of this machine.
    pub fn start(management: u16) -> Result<Self> {
        let (port, folder) = (free_port()?, tempfile::tempdir()?);
        let hurried = HURRY.iter().fold(rules()?, |rules, (from, to)| rules.replace(from, to));
        fs::write(folder.path().join("alerts.yml"), hurried)?;
        fs::write(
            folder.path().join("prometheus.yml"),
            format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yml]\n\
                 scrape_configs:\n  - job_name: stead\n    static_configs: [{{targets: [\"127.0.0.1:{management}\"]}}]\n"
            ),
        )?;
        let log = fs::File::create(folder.path().join("prometheus.log"))?;
        let child = Command::new("prometheus")
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("Prometheus does not start")?;
        Ok(Self { child, port, _folder: folder })
    }

    /// What fires now.
    pub async fn firing(&self) -> Result<BTreeSet<String>> {
        let url = format!("http://127.0.0.1:{}/api/v1/alerts", self.port);
        let answer: Value = reqwest::get(url).await?.json().await?;
        let alerts = answer["data"]["alerts"].as_array().context("no alerts")?;
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        Ok(firing.filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned())).collect())
    }

    /// Waits until it has seen the server, or whatever else is asked for.
    pub async fn knows(&self, query: &str, patience: Duration) -> Result<()> {
        self.tells(query, patience, |_| true).await
    }

    /// Waits until it has looked at the server and, after that, through the rules.
    pub async fn looks_again(&self, patience: Duration) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        self.tells("timestamp(process_start_time_seconds)", patience, |at| at > now + 2.0).await
    }

    /// Waits until the answer to a query is as wanted.
    async fn tells(&self, query: &str, patience: Duration, wanted: impl Fn(f64) -> bool) -> Result<()> {
        let begun = Instant::now();
        let url = format!("http://127.0.0.1:{}/api/v1/query?query={query}", self.port);
        while begun.elapsed() < patience {
            // At first it does not answer yet.
            if let Ok(answer) = reqwest::get(&url).await {
                let answer: Value = answer.json().await.unwrap_or_default();
                let value = answer["data"]["result"][0]["value"][1].as_str();
                if value.and_then(|value| value.parse().ok()).is_some_and(&wanted) {
                    return Ok(());
                }
            }
            sleep(Duration::from_millis(200)).await;
        }
        bail!("Prometheus does not tell {query} as is wanted after {patience:?}")
    }

    /// Goes on causing it until the alert fires; gives how long that took.
    pub async fn fires(
        &self,
        alert: &str,
        patience: Duration,
        mut cause: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Option<Duration>> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            cause().await?;
            if self.firing().await?.contains(alert) {
                return Ok(Some(begun.elapsed()));
            }
            sleep(Duration::from_millis(250)).await;
        }
        Ok(None)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It has nothing to keep.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
