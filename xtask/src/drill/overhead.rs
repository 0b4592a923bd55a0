//! What it costs to be seen: the same requests to a server that says all about itself and to one that says
//! nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::figures::{quantile, rounded};
use super::people::join;
use super::stage::{CHEAP, Database, Stage, block_on};
use super::{Context, Drill, Findings, Part};
use crate::postgres::free_port;
use crate::server::{Profile, Server};

pub const DRILL: Drill = Drill {
    name: "overhead",
    about: "what logs, metrics and traces cost",
    parts: &[
        Part { about: "on SQLite", run: |context| run(context, Database::Sqlite) },
        Part { about: "on PostgreSQL", run: |context| run(context, Database::Postgres) },
    ],
};

const CONNECTIONS: usize = 8;
const LEAST_RATIO: f64 = 0.85;

const SILENT: [(&str, &str); 2] = [("APP_LOG__LEVEL", "off"), ("OTEL_SDK_DISABLED", "true")];

fn run(context: &Context, database: Database) -> Result<Findings> {
    let Some(mut stage) = Stage::open(context, database, 0, CHEAP)? else {
        return Ok(Findings::skipped("no PostgreSQL"));
    };
    let collector = Collector::start()?;
    let operators = format!("127.0.0.1:{}", free_port()?);
    let endpoint = format!("http://127.0.0.1:{}", collector.port);
    stage.add(&SILENT)?;
    stage.add(&[
        ("APP_LOG__LEVEL", "info"),
        ("APP_LOG__FORMAT", "json"),
        ("APP_TELEMETRY__OTLP_ENDPOINT", &endpoint),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ("APP_SERVER__MANAGEMENT_ADDRESS", &operators),
    ])?;
    let mut findings = Findings::default();
    drill(context, &stage, &collector, &operators, &mut findings)?;
    stage.close(&mut findings)?;
    Ok(findings)
}

fn drill(
    context: &Context,
    stage: &Stage,
    collector: &Collector,
    operators: &str,
    findings: &mut Findings,
) -> Result<()> {
    let person = block_on(join(stage.client(), "somebody@example.com"))?;
    let (rounds, length) = if context.short { (3, 300) } else { (15, 4000) };
    let length = Duration::from_millis(length);
    let over = Arc::new(AtomicBool::new(false));
    let scrapes = scrape(operators.to_owned(), over.clone());
    let [silent, seen] = [&stage.servers[0], &stage.servers[1]];
    // Caches, connections and branches have their time before anything counts.
    let warm = length / 4;
    load(silent, &person.tokens.access, warm)?;
    load(seen, &person.tokens.access, warm)?;
    let mut all = Rounds::default();
    for round in 0..rounds {
        // Whoever comes second in a round has no advantage over all of them.
        let order = if round % 2 == 0 { [silent, seen] } else { [seen, silent] };
        let [one, other] = order.map(|server| load(server, &person.tokens.access, length));
        let (one, other) = (one?, other?);
        if round % 2 == 0 { all.add(&one, &other) } else { all.add(&other, &one) }
    }
    over.store(true, Ordering::Relaxed);
    let scrapes = scrapes.join().map_err(|_| anyhow::anyhow!("the scraper panicked"))??;
    let ratio = all.judge(findings);
    let matters = !context.short && context.profile == Profile::Release;
    findings.figure("scrapes", scrapes);
    findings.figure("exports", collector.requests.load(Ordering::Relaxed));
    findings.figure("exported_kib", collector.bytes.load(Ordering::Relaxed) / 1024);
    findings.promise(scrapes > 0, "nothing was scraped");
    findings.promise(context.short || collector.bytes.load(Ordering::Relaxed) > 0, "no trace was sent");
    let what = format!("a server that is seen answers {ratio:.3} of what a silent one does");
    findings.promise(!matters || ratio >= LEAST_RATIO, what);
    Ok(())
}

/// What all rounds came to.
#[derive(Default)]
struct Rounds {
    silent: Vec<f64>,
    seen: Vec<f64>,
    ratios: Vec<f64>,
    silent_us: Vec<f64>,
    seen_us: Vec<f64>,
}

/// What one round came to: answers a second, and the server's processor time for each.
struct Rate {
    per_second: f64,
    processor_us: f64,
}

impl Rounds {
    fn add(&mut self, silent: &Rate, seen: &Rate) {
        self.silent.push(silent.per_second);
        self.seen.push(seen.per_second);
        self.ratios.push(seen.per_second / silent.per_second);
        self.silent_us.push(silent.processor_us);
        self.seen_us.push(seen.processor_us);
    }

    /// Notes the medians, and gives that of the ratios.
    fn judge(self, findings: &mut Findings) -> f64 {
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            quantile(&values, 0.5)
        };
        findings.figure("rounds", self.ratios.len());
        findings.figure("silent_per_s", rounded(median(self.silent)));
        findings.figure("seen_per_s", rounded(median(self.seen)));
        findings.figure("silent_processor_us", rounded(median(self.silent_us)));
        findings.figure("seen_processor_us", rounded(median(self.seen_us)));
        let ratio = median(self.ratios);
        findings.figure("ratio", (ratio * 1000.0).round() / 1000.0);
        ratio
    }
}

/// Asks for `/users/me` over connections that stay open, each as fast as it is answered, by the cheapest
/// client there is: it shares the machine with the server.
fn load(server: &Server, token: &str, length: Duration) -> Result<Rate> {
    let host = server.url().trim_start_matches("http://").to_owned();
    let request =
        format!("GET /api/v1/users/me HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
    let before = server.processor_time()?;
    let begun = Instant::now();
    let askers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (host, request) = (host.clone(), request.clone());
            thread::spawn(move || ask(&host, request.as_bytes(), begun + length))
        })
        .collect();
    let mut answers = 0;
    for asker in askers {
        answers += asker.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
    }
    let (took, worked) = (begun.elapsed(), server.processor_time()?.saturating_sub(before));
    ensure!(answers > 0, "nothing was answered");
    let count = answers as f64;
    Ok(Rate { per_second: count / took.as_secs_f64(), processor_us: worked.as_secs_f64() * 1e6 / count })
}

fn ask(host: &str, request: &[u8], until: Instant) -> Result<u64> {
    let mut stream = BufReader::new(TcpStream::connect(host)?);
    stream.get_ref().set_nodelay(true)?;
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut line, mut body, mut answers) = (String::new(), Vec::new(), 0);
    while Instant::now() < until {
        stream.get_mut().write_all(request)?;
        let head = read_head(&mut stream, &mut line)?.context("the connection was closed")?;
        ensure!(head.first.starts_with("HTTP/1.1 200"), "{}", head.first);
        body.resize(head.length, 0);
        stream.read_exact(&mut body)?;
        answers += 1;
    }
    Ok(answers)
}

/// The first line of a message of HTTP/1.1, and how long its body is.
struct Head {
    first: String,
    length: usize,
}

/// `None` at the end of the connection.
fn read_head(stream: &mut impl BufRead, line: &mut String) -> Result<Option<Head>> {
    let mut head = Head { first: String::new(), length: 0 };
    if stream.read_line(&mut head.first)? == 0 {
        return Ok(None);
    }
    loop {
        line.clear();
        stream.read_line(line)?;
        if line.trim_end().is_empty() {
            return Ok(Some(head));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            head.length = value.trim().parse()?;
        }
    }
}

/// Asks for the metrics once a second; gives how often.
fn scrape(operators: String, over: Arc<AtomicBool>) -> thread::JoinHandle<Result<u64>> {
    thread::spawn(move || {
        let mut scrapes = 0;
        while !over.load(Ordering::Relaxed) {
            let mut stream = TcpStream::connect(&operators)?;
            write!(stream, "GET /metrics HTTP/1.1\r\nHost: {operators}\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            ensure!(answer.starts_with("HTTP/1.1 200"), "{}", answer.lines().next().unwrap_or_default());
            scrapes += 1;
            thread::sleep(Duration::from_secs(1));
        }
        Ok(scrapes)
    })
}

/// Takes what is exported, and throws it away.
struct Collector {
    port: u16,
    requests: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Collector {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let (requests, bytes) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let counters = (requests.clone(), bytes.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, bytes) = counters.clone();
                thread::spawn(move || swallow(stream, &requests, &bytes));
            }
        });
        Ok(Self { port, requests, bytes })
    }
}

fn swallow(stream: TcpStream, requests: &AtomicU64, bytes: &AtomicU64) -> Result<()> {
    let (mut stream, mut line) = (BufReader::new(stream), String::new());
    while let Some(head) = read_head(&mut stream, &mut line)? {
        let mut body = vec![0; head.length];
        stream.read_exact(&mut body)?;
        requests.fetch_add(1, Ordering::Relaxed);
        bytes.fetch_add(head.length as u64, Ordering::Relaxed);
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line_and_says_how_long_the_body_is() {
        let text = "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 12\r\n\r\nbody";
        let head = read_head(&mut text.as_bytes(), &mut String::new()).unwrap().unwrap();
        assert_eq!((head.first.trim_end(), head.length), ("HTTP/1.1 200 OK", 12));
        assert!(read_head(&mut "".as_bytes(), &mut String::new()).unwrap().is_none());
    }
}
