//! Sends reports, one after the other, from a thread of its own. What is not sent is counted, and told.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use sentry::Envelope;
use sentry::protocol::Event;
use sentry::transports::{RateLimiter, RateLimitingCategory};
use sentry::types::Dsn;
use ureq::Agent;

use super::budget::Budget;
use crate::base::clock::Clock;
use crate::base::seldom::Seldom;
use crate::telemetry::sender::agent;

/// How often it is said that reports were not sent.
const NOTICE: Duration = Duration::from_secs(60);

const TOO_MANY_REQUESTS: u16 = 429;

/// Takes reports. The thread ends with it.
pub(super) struct Courier {
    tasks: Sender<Task>,
    tally: Arc<Tally>,
}

enum Task {
    Send(Box<Event<'static>>),
    /// Says when all that came before is done.
    End(Sender<()>),
}

struct Tally {
    budget: Budget,
    /// Reports that were not sent, as the next one will say.
    kept_back: AtomicU64,
    /// The same, for the log.
    untold: Seldom,
}

impl Courier {
    pub fn start(dsn: &Dsn) -> io::Result<Self> {
        let budget = Budget::new(Clock::system());
        let tally = Arc::new(Tally { budget, kept_back: AtomicU64::new(0), untold: Seldom::every(NOTICE) });
        let (tasks, waiting) = mpsc::channel();
        let mut way = Way::to(dsn, tally.clone());
        thread::Builder::new().name("error-reports".into()).spawn(move || way.work(&waiting))?;
        Ok(Self { tasks, tally })
    }

    /// Sends a report of this fault, if it may. Said by the thread that sends if not: here it could be a
    /// subscriber's own lock that is held.
    pub fn offer(&self, fault: u64, report: impl FnOnce() -> Event<'static>) {
        if self.tally.budget.admits(fault) {
            // It fails where the thread is gone, and then the place stays taken: at the end it is counted.
            _ = self.tasks.send(Task::Send(Box::new(report())));
        } else {
            self.tally.keep_back(1);
        }
    }

    /// Sends what is still waiting, for `patience` at most, and tells what nobody was told of.
    pub fn finish(&self, patience: Duration) {
        let (done, end) = mpsc::channel();
        let ended = self.tasks.send(Task::End(done)).is_ok() && end.recv_timeout(patience).is_ok();
        let left = if ended { 0 } else { self.tally.budget.waiting() };
        self.tally.untold.note(left as u64);
        if let Some(reports) = self.tally.untold.rest() {
            tell(reports, None);
        }
    }
}

impl Tally {
    fn keep_back(&self, reports: u64) {
        self.kept_back.fetch_add(reports, Ordering::Relaxed);
        self.untold.note(1);
    }
}

fn tell(reports: u64, error: Option<String>) {
    tracing::warn!(reports, error, "error reports were not sent");
}

/// The way to whoever receives reports.
struct Way {
    agent: Agent,
    url: String,
    auth: String,
    /// What the receiver asked for.
    pauses: RateLimiter,
    /// Why a report was not sent, until it is told.
    error: Option<String>,
    tally: Arc<Tally>,
}

impl Way {
    fn to(dsn: &Dsn, tally: Arc<Tally>) -> Self {
        let program = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        let (url, auth) = (dsn.envelope_api_url().to_string(), dsn.to_auth(Some(program)).to_string());
        Self { agent: agent(), url, auth, pauses: RateLimiter::new(), error: None, tally }
    }

    fn work(&mut self, tasks: &Receiver<Task>) {
        loop {
            match tasks.recv_timeout(NOTICE) {
                Ok(Task::Send(event)) => self.error = self.deliver(*event).err().or(self.error.take()),
                // Whoever waited for it may have given up.
                Ok(Task::End(done)) => _ = done.send(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some(reports) = self.tally.untold.counting(0) {
                tell(reports, self.error.take());
            }
        }
    }

    /// A report that is lost is counted, and so is what it would have told.
    fn deliver(&mut self, mut event: Event<'static>) -> Result<(), String> {
        let kept_back = self.tally.kept_back.swap(0, Ordering::Relaxed);
        if kept_back > 0 {
            event.extra.insert("kept_back".to_owned(), kept_back.into());
        }
        let sent = self.post(event);
        if sent.is_err() {
            self.tally.keep_back(kept_back + 1);
        }
        self.tally.budget.note_sent();
        sent
    }

    fn post(&mut self, event: Event<'static>) -> Result<(), String> {
        if let Some(pause) = self.pauses.is_disabled(RateLimitingCategory::Error) {
            return Err(format!("none is wanted for another {} s", pause.as_secs()));
        }
        let mut body = Vec::new();
        Envelope::from(event).to_writer(&mut body).map_err(|error| error.to_string())?;
        let request = self.agent.post(&self.url).header("X-Sentry-Auth", &self.auth);
        let answer = request.send(&body).map_err(|error| error.to_string())?;
        let (status, header) = (answer.status(), |name| answer.headers().get(name)?.to_str().ok());
        if let Some(limits) = header("x-sentry-rate-limits") {
            self.pauses.update_from_sentry_header(limits);
        } else if let Some(seconds) = header("retry-after") {
            self.pauses.update_from_retry_after(seconds);
        } else if status.as_u16() == TOO_MANY_REQUESTS {
            self.pauses.update_from_429();
        }
        if status.is_success() { Ok(()) } else { Err(format!("the answer was {status}")) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_receiver_that_asks_for_a_pause_has_it_and_what_is_lost_meanwhile_is_counted() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let dsn = format!("http://key@{}/42", listener.local_addr().unwrap()).parse().unwrap();
        let courier = Courier::start(&dsn).unwrap();
        let mut way = Way::to(&dsn, courier.tally.clone());
        let answered = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(head).unwrap();
        });
        assert!(way.deliver(Event::default()).unwrap_err().contains("429"));
        // The listener is gone: whoever asked it would be told of the connection.
        answered.join().unwrap();
        for lost in 2..5 {
            let why = way.deliver(Event::default()).unwrap_err();
            assert!(why.contains("none is wanted"), "{why}");
            assert_eq!(courier.tally.kept_back.load(Ordering::Relaxed), lost);
        }
    }
}
