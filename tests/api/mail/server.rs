//! A mail server that does as it is told: it listens on a socket, speaks SMTP, and remembers all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mail_parser::{Message, MessageParser};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::harness::postgres;

/// How the server behaves. It can change its mind between two commands.
#[derive(Clone)]
pub enum Manner {
    Kind,
    /// Says nothing, not even at the start.
    Silent,
    /// Thinks for so long before each answer.
    Slow(Duration),
    /// Answers to that command, if its argument holds that text, with this.
    Answers(&'static str, &'static str, &'static str),
    /// Never answers to that command.
    HangsAt(&'static str),
    /// Takes the content and never answers.
    HangsAfterContent,
    /// Takes the content and answers once a permit is there.
    Waits(Arc<Semaphore>),
    /// Closes when it has read the first line of the content.
    ClosesInContent,
    /// Closes when it has read the content, without an answer.
    ClosesAfterContent,
    /// Closes after each mail that it took.
    TakesOne,
}

/// The server; it listens until the last clone is gone.
#[derive(Clone)]
pub struct SmtpServer {
    pub port: u16,
    memory: Arc<Mutex<Memory>>,
    _listening: Arc<Listening>,
}

struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Memory {
    manner: Manner,
    connections: usize,
    commands: Vec<String>,
    /// Contents that were read to their end.
    read: Vec<Letter>,
    /// Those that were accepted.
    accepted: Vec<Letter>,
}

/// A mail as it arrived.
#[derive(Clone, Default)]
pub struct Letter {
    pub from: String,
    pub to: String,
    pub content: String,
}

impl Letter {
    pub fn parsed(&self) -> Message<'_> {
        MessageParser::default().parse(&self.content).expect("a mail")
    }

    pub fn id(&self) -> String {
        self.parsed().message_id().expect("a Message-ID").to_owned()
    }
}

/// A port of this machine at which nobody listens.
pub fn free_port() -> u16 {
    postgres::port::free_port().expect("a port")
}

impl SmtpServer {
    pub async fn start(manner: Manner) -> Self {
        Self::at(0, manner).await
    }

    pub async fn at(port: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let port = listener.local_addr().expect("an address").port();
        let memory = Memory { manner, connections: 0, commands: vec![], read: vec![], accepted: vec![] };
        let memory = Arc::new(Mutex::new(memory));
        let shared = memory.clone();
        let listening = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let memory = shared.clone();
                memory.lock().expect("the memory").connections += 1;
                tokio::spawn(async move {
                    let (reader, writer) = stream.split();
                    let lines = BufReader::new(reader).lines();
                    let talk = Talk { lines, writer, memory, letter: Letter::default() };
                    talk.run().await;
                });
            }
        });
        Self { port, memory, _listening: Arc::new(Listening(listening.abort_handle())) }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("the memory")
    }

    pub fn behave(&self, manner: Manner) {
        self.memory().manner = manner;
    }

    pub fn connections(&self) -> usize {
        self.memory().connections
    }

    pub fn commands(&self) -> Vec<String> {
        self.memory().commands.clone()
    }

    pub fn accepted(&self) -> Vec<Letter> {
        self.memory().accepted.clone()
    }

    /// How often the content of each mail was read to its end, accepted or not, by its `Message-ID`.
    pub fn copies(&self) -> BTreeMap<String, usize> {
        self.memory().read.iter().fold(BTreeMap::new(), |mut copies, letter| {
            *copies.entry(letter.id()).or_default() += 1;
            copies
        })
    }

    /// Waits until the server has seen as much.
    pub async fn until(&self, what: &str, seen: impl Fn(&Self) -> bool) {
        for _ in 0..1500 {
            if seen(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the mail server waited for {what} in vain; it heard {:?}", self.commands());
    }
}

/// One conversation; it ends when either side hangs up.
struct Talk<R, W> {
    lines: Lines<BufReader<R>>,
    writer: W,
    memory: Arc<Mutex<Memory>>,
    letter: Letter,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Talk<R, W> {
    async fn run(mut self) -> Option<()> {
        let greeting = match self.manner() {
            Manner::Silent => std::future::pending().await,
            Manner::Answers("CONNECT", _, answer) => answer,
            _ => "220 mail.test ready",
        };
        self.say(greeting).await;
        while let Ok(Some(line)) = self.lines.next_line().await {
            self.memory.lock().expect("the memory").commands.push(line.clone());
            if matches!(self.manner(), Manner::HangsAt(command) if line.starts_with(command)) {
                std::future::pending::<()>().await;
            }
            let answer = self.answer(&line);
            self.say(answer).await;
            match line.split([' ', ':']).next().unwrap_or_default() {
                "QUIT" => return None,
                "MAIL" => self.letter.from = path(&line),
                "RCPT" => self.letter.to = path(&line),
                "DATA" if answer.starts_with("354") => self.take().await?,
                _ => {}
            }
        }
        None
    }

    fn manner(&self) -> Manner {
        self.memory.lock().expect("the memory").manner.clone()
    }

    async fn say(&mut self, answer: &str) {
        if let Manner::Slow(time) = self.manner() {
            tokio::time::sleep(time).await;
        }
        // Who has hung up hears no answer.
        _ = self.writer.write_all(format!("{answer}\r\n").as_bytes()).await;
    }

    fn answer(&self, line: &str) -> &'static str {
        match self.manner() {
            Manner::Answers(to, about, answer) if line.starts_with(to) && line.contains(about) => answer,
            _ if line.starts_with("EHLO") => "250-mail.test\r\n250 AUTH PLAIN LOGIN",
            _ if line.starts_with("AUTH") => "235 2.7.0 welcome",
            _ if line == "DATA" => "354 go on",
            _ if line == "QUIT" => "221 2.0.0 bye",
            _ => "250 2.0.0 fine",
        }
    }

    /// Reads a content and answers it; `None` where the server closes.
    async fn take(&mut self) -> Option<()> {
        self.letter.content.clear();
        while let Ok(Some(line)) = self.lines.next_line().await {
            if line == "." {
                return self.judge().await;
            }
            self.letter.content += line.strip_prefix('.').unwrap_or(&line);
            self.letter.content += "\r\n";
            if matches!(self.manner(), Manner::ClosesInContent) {
                return None;
            }
        }
        None
    }

    async fn judge(&mut self) -> Option<()> {
        self.memory.lock().expect("the memory").read.push(self.letter.clone());
        match self.manner() {
            Manner::HangsAfterContent => std::future::pending().await,
            Manner::ClosesAfterContent => return None,
            Manner::Answers("CONTENT", about, answer) if self.letter.to.contains(about) => {
                self.say(answer).await;
                return Some(());
            }
            Manner::Waits(gate) => gate.acquire().await.expect("the gate stands").forget(),
            _ => {}
        }
        self.memory.lock().expect("the memory").accepted.push(self.letter.clone());
        self.say("250 2.0.0 taken").await;
        (!matches!(self.manner(), Manner::TakesOne)).then_some(())
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
