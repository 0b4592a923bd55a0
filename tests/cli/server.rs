//! `stead serve` as a process of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::postgres;
use crate::program::Folder;

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until a server has heard of what a command did beside it, for a second at most.
pub async fn within_a_second(mut what: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !what().await {
        assert!(begun.elapsed() < Duration::from_secs(1), "the server has not heard of it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Killed when it is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
    log: PathBuf,
    out: PathBuf,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub fn start(folder: &Folder) -> Self {
        let mut server = Self::begin(folder, &[]);
        server.wait_until_it_listens();
        server
    }

    /// Starts a server with more variables; it may not be listening yet.
    pub fn begin(folder: &Folder, variables: &[(&str, &str)]) -> Self {
        let name = format!("server-{}", fs::read_dir(folder.path()).unwrap().count());
        let file = |kind| folder.path().join(format!("{name}.{kind}"));
        let (log, out) = (file("log"), file("out"));
        let mut command = folder.command("serve");
        command.envs(variables.iter().copied());
        command.stderr(File::create(&log).unwrap()).stdout(File::create(&out).unwrap());
        Self { child: command.spawn().unwrap(), port: 0, log, out }
    }

    pub fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let line = log.lines().find(|line| line.contains("listening"));
            if let Some(port) = line.and_then(|line| line.split_once("127.0.0.1:")) {
                self.port = port.1.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// What it has written to its standard output so far.
    pub fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        Client::new().get(format!("http://127.0.0.1:{}{path}", self.port))
    }

    /// The status of a sign-in, and its answer.
    pub async fn login(&self, email: &str, password: &str) -> (u16, Value) {
        let url = format!("http://127.0.0.1:{}/api/v1/auth/login", self.port);
        let body = json!({"email": email, "password": password});
        let answer = Client::new().post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for the end, for `patience` at most.
    pub fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Asks it to end, and claims that it does so well and soon.
    pub fn stop(mut self) {
        self.signal("-TERM");
        let status = self.ended_within(Duration::from_secs(10));
        assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", self.log());
    }

    /// A request to sign in of which only the first half of the body has arrived.
    pub fn half_a_login(&self) -> (TcpStream, &'static [u8]) {
        let body = br#"{"email": "nobody@example.com", "password": "correct horse battery staple"}"#;
        let (first, second) = body.split_at(20);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(first).unwrap();
        // Until the server has it in its hands.
        std::thread::sleep(Duration::from_millis(150));
        (stream, second)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status line of what is left to read.
pub fn status_line(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// A port at which nobody listens.
pub fn free_port() -> u16 {
    postgres::port::free_port().unwrap()
}
