//! What strace saw (`-f -y -xx`): the frames of SQLite's write-ahead log, when it was synced, and when
//! answers left.

use std::collections::HashMap;
use std::io::BufRead;

use aho_corasick::AhoCorasick;
use anyhow::{Context as _, Result};

/// The end of the path of the log, and the beginning of that of a socket, as strace writes them.
const LOG: &str = r"\x2d\x77\x61\x6c>";
const SOCKET: &str = r"<\x73\x6f\x63\x6b\x65\x74\x3a";
/// Of a frame, in bytes: a page follows.
const FRAME_HEADER: usize = 24;

/// A moment is the number of a line: strace writes them in the order in which it saw them, and who calls
/// waits until it did.
type Moment = usize;

/// A transaction in the log.
#[derive(Default)]
struct Commit {
    pages: Vec<u8>,
    /// When its last page, which makes it one, was written.
    written: Option<Moment>,
    /// When a sync was done that began after that.
    synced: Option<Moment>,
}

/// An answer that says that something was done.
struct Answer {
    request_id: String,
    left: Moment,
}

#[derive(Default)]
pub struct Trace {
    commits: Vec<Commit>,
    answers: Vec<Answer>,
    pub syncs: u64,
}

/// What the answers come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub commits: usize,
    /// Answers whose commit was found in the log, by the row that the audit log has of the request.
    pub answers: usize,
    /// Of these, the requests whose answer left before their commit was on the disk.
    pub early: Vec<String>,
}

/// A call that has begun, and will end on a later line.
enum Open {
    Sync(Moment),
    Page,
    Other,
}

impl Trace {
    pub fn read(lines: impl BufRead) -> Result<Self> {
        let mut trace = Self::default();
        let mut open: HashMap<String, Open> = HashMap::new();
        let mut ends_transaction = false;
        for (now, line) in lines.lines().enumerate() {
            let line = line?;
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            if call.starts_with("<... ") {
                let begun = open.remove(thread);
                trace.end(begun.unwrap_or(Open::Other), call, now);
                continue;
            }
            let begun = trace.begin(call, now, &mut ends_transaction)?;
            if call.ends_with("<unfinished ...>") {
                open.insert(thread.to_owned(), begun);
            } else {
                trace.end(begun, call, now);
            }
        }
        Ok(trace)
    }

    fn begin(&mut self, call: &str, now: Moment, ends_transaction: &mut bool) -> Result<Open> {
        let (name, arguments) = call.split_once('(').unwrap_or((call, ""));
        let target = arguments.split([',', ')', ' ']).next().unwrap_or_default();
        match name {
            "fsync" | "fdatasync" if target.ends_with(LOG) => return Ok(Open::Sync(now)),
            "pwrite64" if target.ends_with(LOG) => {
                let bytes = bytes(arguments)?;
                if bytes.len() == FRAME_HEADER {
                    // The size of the database after the transaction, in its last frame only.
                    *ends_transaction = bytes[4..8] != [0; 4];
                    return Ok(Open::Other);
                }
                if self.commits.last().is_none_or(|commit| commit.written.is_some()) {
                    self.commits.push(Commit::default());
                }
                self.commits.last_mut().context("there is one")?.pages.extend(bytes);
                return Ok(if std::mem::take(ends_transaction) { Open::Page } else { Open::Other });
            }
            "sendto" | "writev" | "sendmsg" if target.contains(SOCKET) => {
                let text = String::from_utf8_lossy(&bytes(arguments)?).into_owned();
                let id = text.lines().find_map(|line| line.strip_prefix("x-request-id: "));
                if let Some(id) = id.filter(|_| text.starts_with("HTTP/1.1 2")) {
                    self.answers.push(Answer { request_id: id.to_owned(), left: now });
                }
            }
            _ => {}
        }
        Ok(Open::Other)
    }

    fn end(&mut self, begun: Open, line: &str, now: Moment) {
        match begun {
            Open::Page => {
                if let Some(commit) = self.commits.last_mut() {
                    commit.written = Some(now);
                }
            }
            Open::Sync(begun) if line.ends_with(" = 0") => {
                self.syncs += 1;
                let unsynced = self.commits.iter_mut().rev().take_while(|commit| commit.synced.is_none());
                for commit in unsynced.filter(|commit| commit.written.is_some_and(|written| written < begun))
                {
                    commit.synced = Some(now);
                }
            }
            Open::Sync(_) | Open::Other => {}
        }
    }

    pub fn judge(&self) -> Result<Verdict> {
        let ids = AhoCorasick::new(self.answers.iter().map(|answer| &answer.request_id))?;
        let mut commits: HashMap<usize, &Commit> = HashMap::new();
        for commit in &self.commits {
            // A page has the rows of earlier transactions, too: the first counts.
            for found in ids.find_iter(&commit.pages) {
                commits.entry(found.pattern().as_usize()).or_insert(commit);
            }
        }
        let mut verdict = Verdict { commits: self.commits.len(), ..Verdict::default() };
        for (index, answer) in self.answers.iter().enumerate() {
            let Some(commit) = commits.get(&index) else { continue };
            verdict.answers += 1;
            if commit.synced.is_none_or(|synced| synced > answer.left) {
                verdict.early.push(answer.request_id.clone());
            }
        }
        Ok(verdict)
    }
}

/// What a call writes: all that is in quotation marks.
fn bytes(arguments: &str) -> Result<Vec<u8>> {
    let quoted = arguments.split('"').skip(1).step_by(2);
    let digits = quoted.flat_map(|text| text.split(r"\x").skip(1));
    digits.map(|digits| Ok(u8::from_str_radix(digits, 16)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a20a03dfeb7b52b4fe826bab1b0602";

    fn hex(text: &[u8]) -> String {
        text.iter().map(|byte| format!(r"\x{byte:02x}")).collect()
    }

    fn log() -> String {
        format!("14<{}>", hex(b"/data/stead.db-wal"))
    }

    /// Two frames, of which the second ends the transaction.
    fn written(id: &str) -> Vec<String> {
        let [first, last] =
            [[0, 0, 0, 0], [0, 0, 0, 9]].map(|size| [[1; 4].as_slice(), &size, &[7; 16]].concat());
        let pages = [format!("row {id} row").into_bytes(), b"another page".to_vec()];
        let frames = [&first, &pages[0], &last, &pages[1]];
        let write = |bytes: &&Vec<u8>| {
            format!("7 pwrite64({}, \"{}\", {}, 0) = {}", log(), hex(bytes), bytes.len(), bytes.len())
        };
        frames.iter().map(write).collect()
    }

    fn synced() -> String {
        format!("7 fsync({}) = 0", log())
    }

    fn answered(status: &str) -> String {
        let head = format!("HTTP/1.1 {status}\r\nx-request-id: {ID}\r\n\r\n");
        let body = hex(b"{}");
        let socket = hex(b"socket:[1]");
        format!(
            "8 writev(21<{socket}>, [{{iov_base=\"{}\", iov_len=9}}, {{iov_base=\"{body}\", iov_len=2}}], 2) = 9",
            hex(head.as_bytes())
        )
    }

    fn judge(lines: &[String]) -> (usize, usize) {
        let verdict = Trace::read(lines.join("\n").as_bytes()).unwrap().judge().unwrap();
        (verdict.answers, verdict.early.len())
    }

    #[test]
    fn an_answer_that_leaves_after_its_commit_was_synced_is_in_time() {
        let lines = [written(ID), vec![synced(), answered("201 Created")]].concat();
        assert_eq!(judge(&lines), (1, 0));
    }

    #[test]
    fn an_answer_is_early_before_the_sync_and_after_one_that_failed_or_was_feigned_or_began_too_soon() {
        let answer = answered("200 OK");
        assert_eq!(judge(&[written(ID), vec![answer.clone(), synced()]].concat()), (1, 1));
        assert_eq!(judge(&[vec![synced()], written(ID), vec![answer.clone()]].concat()), (1, 1));
        for end in ["-1 EIO (Input/output error)", "0 (INJECTED)"] {
            let sync = format!("7 fsync({}) = {end}", log());
            assert_eq!(judge(&[written(ID), vec![sync, answer.clone()]].concat()), (1, 1));
        }
        let begun = format!("9 fsync({} <unfinished ...>", log());
        let done = "9 <... fsync resumed>) = 0".to_owned();
        assert_eq!(
            judge(&[vec![begun.clone()], written(ID), vec![done.clone(), answer.clone()]].concat()),
            (1, 1)
        );
        assert_eq!(judge(&[written(ID), vec![begun, done, answer]].concat()), (1, 0));
    }

    #[test]
    fn an_answer_without_a_commit_is_none_of_ours_and_neither_is_a_refusal() {
        assert_eq!(judge(&[written("another"), vec![synced(), answered("200 OK")]].concat()), (0, 0));
        assert_eq!(judge(&[written(ID), vec![answered("503 Service Unavailable")]].concat()), (0, 0));
    }

    #[test]
    fn a_row_counts_where_it_was_written_first() {
        let later = [written(ID), vec![synced(), answered("200 OK")], written(ID)].concat();
        assert_eq!(judge(&later), (1, 0));
    }
}
