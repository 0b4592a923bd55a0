//! What operators are given (rules, dashboard, the table of metrics) names what a server really shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use stead::server::tls::{Files, Tls};
use stead::tasks::Round;

use crate::harness::{App, Stage};

/// What Prometheus adds by itself.
const ADDED: [&str; 3] = ["job", "instance", "le"];

fn read(path: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every metric of a server on which everything has happened once, with the labels that it has.
async fn shown() -> BTreeMap<String, BTreeSet<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = format!("file:{}", folder.path().display());
    let stage = Stage::on_sqlite().await;
    let app = stage
        .with("mail.url", mail)
        .with("mail.from", "Stead <stead@example.com>")
        .with("auth.email_verification", "optional")
        .with("rate_limit.enabled", true)
        .start()
        .await;
    app.user().await.get("/api/v1/users/me").await.expect(200);
    app.anonymous().login("ada@example.com", "wrong").await.refused(401, "invalid_credentials");
    app.anonymous()
        .post("/api/v1/auth/refresh", json!({"refresh_token": "rt_x"}))
        .await
        .refused(401, "invalid_refresh_token");
    let _courier = stead::app::courier(&app.state).expect("a way out").expect("a courier");
    certificate(folder.path()).measure(app.state.metrics.meter());
    one_round(&app).await;
    let text = app.operator().get("/metrics").await.expect(200).text();
    let mut metrics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())) {
        let (series, _) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels
            .trim_end_matches('}')
            .split("\",")
            .filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        metrics.entry(name.to_owned()).or_default().extend(labels);
    }
    // SQLite has no clock that could differ; `tests/api/time.rs` sees it on PostgreSQL.
    metrics.entry("clock_offset_seconds".to_owned()).or_default();
    metrics
}

/// What the public listener shows where it speaks TLS itself.
fn certificate(folder: &Path) -> Tls {
    let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let files = Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.cert, made.cert.pem()).expect("a file");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("a file");
    Tls::load(files).expect("TLS")
}

/// Periodic work goes on in a server that attends to it; here it is one round.
async fn one_round(app: &App) {
    let (done, mut heard) = tokio::sync::mpsc::unbounded_channel();
    app.state.tasks.every("test", Duration::from_millis(1), move || {
        let done = done.clone();
        async move {
            // Whoever heard the first needs no other.
            _ = done.send(());
            Round::Done
        }
    });
    heard.recv().await;
    heard.recv().await;
}

/// A query without its texts; the labels in braces stay.
fn words(expression: &str) -> Vec<(String, char)> {
    let mut bare = String::new();
    let mut is_text = false;
    for c in expression.chars() {
        is_text ^= c == '"';
        bare.push(if is_text { ' ' } else { c });
    }
    let mut words = Vec::new();
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_lowercase()) {
        let is_part = rest[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        let word: String =
            rest[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        rest = &rest[start + word.len()..];
        let next = rest.trim_start().chars().next().unwrap_or(' ');
        if !is_part {
            words.push((word, next));
        }
    }
    words
}

/// The metrics and the labels that a query names.
fn named(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    const WORDS: [&str; 5] = ["by", "on", "unless", "and", "or"];
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    // Labels stand in braces, or in parentheses behind `by` and `on`.
    let mut outside = String::new();
    let mut rest = expression;
    while let Some(open) = rest.find(['{', '(']) {
        let (before, behind) = rest.split_at(open);
        let is_list = behind.starts_with('{') || ["by ", "on "].iter().any(|word| before.ends_with(word));
        outside.push_str(before);
        if is_list {
            let end = behind.find(['}', ')']).expect("an end");
            labels.extend(words(&behind[..end]).into_iter().map(|(word, _)| word));
            outside.push(' ');
            rest = &behind[end + 1..];
        } else {
            outside.push('(');
            rest = &behind[1..];
        }
    }
    outside.push_str(rest);
    for (word, next) in words(&outside) {
        if next != '(' && !WORDS.contains(&word.as_str()) && word.contains('_') || word == "up" {
            metrics.insert(word);
        }
    }
    (metrics, labels)
}

fn faults(place: &str, expression: &str, shown: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let (metrics, labels) = named(expression);
    let mut faults = Vec::new();
    let mut known: BTreeSet<&str> = ADDED.into();
    for metric in &metrics {
        match shown.get(metric) {
            Some(labels) => known.extend(labels.iter().map(String::as_str)),
            None if metric == "up" => {}
            None => faults.push(format!("{place}: there is no metric {metric}")),
        }
    }
    if metrics.is_empty() {
        faults.push(format!("{place}: it names no metric: {expression}"));
    }
    let unknown = labels.iter().filter(|label| !known.contains(label.as_str()));
    faults.extend(unknown.map(|label| format!("{place}: none of {metrics:?} has the label {label}")));
    faults
}

/// The values of a key in a file of rules, in order.
fn values<'t>(rules: &'t str, key: &str) -> Vec<&'t str> {
    let of_key = rules.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(key));
    of_key.filter_map(|rest| rest.strip_prefix(':')).map(str::trim).collect()
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("expr").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| expressions(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn rules_and_dashboard_name_only_metrics_and_labels_that_a_server_shows() {
    let shown = shown().await;
    let rules = read("deploy/prometheus/alerts.yml");
    let rules = values(&rules, "expr");
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/dashboard.json")).unwrap();
    let mut panels = Vec::new();
    expressions(&dashboard, &mut panels);
    assert!(rules.len() >= 16 && panels.len() >= 40, "{} rules, {} panels", rules.len(), panels.len());
    let rules = rules.into_iter().flat_map(|rule| faults("alerts.yml", rule, &shown));
    let panels = panels.iter().flat_map(|panel| faults("dashboard.json", panel, &shown));
    let faults: Vec<_> = rules.chain(panels).collect();
    assert!(faults.is_empty(), "{}\n{shown:#?}", faults.join("\n"));
}

#[test]
fn every_alert_has_its_runbook_and_its_test() {
    let (rules, tests) = (read("deploy/prometheus/alerts.yml"), read("deploy/prometheus/alerts.test.yml"));
    let page = read("docs/operations.md");
    let headings: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = values(&rules, "alert");
    let runbooks: Vec<String> =
        alerts.iter().map(|alert| format!("docs/operations.md#{}", alert.to_lowercase())).collect();
    assert_eq!(values(&rules, "runbook"), runbooks);
    assert_eq!(alerts.iter().copied().collect::<BTreeSet<_>>(), headings);
    for alert in alerts {
        let fires = format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels:");
        assert!(tests.contains(&fires), "no test makes {alert} fire");
    }
}

#[tokio::test]
async fn the_page_for_operators_tells_of_every_metric_with_its_labels() {
    let page = read("docs/operations.md");
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let rows =
        page.lines().skip_while(|line| *line != "## The metrics").take_while(|line| *line != "## The alerts");
    for row in rows.filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        let spans =
            |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        told.extend(spans(cells[1]).into_iter().map(|metric| (metric, spans(cells[2]))));
    }
    let mut shown = shown().await;
    for (metric, mut labels) in std::mem::take(&mut shown) {
        labels.remove("le");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| metric.strip_suffix(suffix));
        shown.insert(family.unwrap_or(&metric).to_owned(), labels);
    }
    assert_eq!(told, shown);
}

#[test]
fn names_are_found_in_queries() {
    let (metrics, labels) = named(
        "sum by (le, code) (rate(a_b_total{x=~\"up_c\"}[5m])) / on (instance) d_e unless up{job=\"y\"} == 0",
    );
    assert_eq!(Vec::from_iter(metrics), ["a_b_total", "d_e", "up"]);
    assert_eq!(Vec::from_iter(labels), ["code", "instance", "job", "le", "x"]);
}
