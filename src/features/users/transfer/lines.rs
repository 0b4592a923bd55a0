//! A file, piece by piece: lines, or records of CSV, which may go on over line ends within quotes. None is
//! longer than [`LONGEST`], however long it is in the file.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

/// In bytes. A person takes less than 10 KiB, a password of the longest kind included.
pub const LONGEST: usize = 64 * 1024;

/// A line, or a record of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of its first line.
    pub line: u64,
    /// Without the line end.
    pub bytes: Vec<u8>,
    /// Where the next one begins, in bytes from the start of the file.
    pub end: u64,
    pub state: Wholeness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wholeness {
    Whole,
    /// What follows after [`LONGEST`] bytes was left out.
    Cut,
    /// A quote is opened and never closed, or followed by more than a comma. Only its first line is here.
    Misquoted,
}

pub struct Lines<R> {
    input: BufReader<R>,
    line: u64,
    end: u64,
    /// Read already, and given back.
    ahead: VecDeque<Piece>,
}

/// Where in a record of CSV the scanner stands (RFC 4180 §2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    CellBegins,
    InPlain,
    InQuotes,
    AfterQuote,
    Wrong,
}

impl Place {
    fn after(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |place, byte| match (place, byte) {
            (Self::Wrong, _) => Self::Wrong,
            (Self::InQuotes, b'"') => Self::AfterQuote,
            (Self::InQuotes, _) | (Self::CellBegins | Self::AfterQuote, b'"') => Self::InQuotes,
            (_, b',') => Self::CellBegins,
            (Self::AfterQuote, b'\r') => Self::AfterQuote,
            (Self::AfterQuote, _) => Self::Wrong,
            _ => Self::InPlain,
        })
    }
}

impl<R: Read> Lines<R> {
    pub fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(LONGEST, input), line: 0, end: 0, ahead: VecDeque::new() }
    }

    /// The next line; `None` at the end.
    pub fn line(&mut self) -> io::Result<Option<Piece>> {
        if let Some(piece) = self.ahead.pop_front() {
            return Ok(Some(piece));
        }
        let (mut bytes, mut state, begin) = (Vec::new(), Wholeness::Whole, self.end);
        loop {
            let chunk = self.input.fill_buf()?;
            let line_end = chunk.iter().position(|byte| *byte == b'\n');
            let length = line_end.unwrap_or(chunk.len());
            let room = LONGEST - bytes.len();
            bytes.extend_from_slice(&chunk[..length.min(room)]);
            if length > room {
                state = Wholeness::Cut;
            }
            let read = length + usize::from(line_end.is_some());
            self.input.consume(read);
            self.end += u64::try_from(read).unwrap_or_default();
            if line_end.is_some() || read == 0 {
                break;
            }
        }
        if self.end == begin {
            return Ok(None);
        }
        self.line += 1;
        if self.line == 1 && bytes.starts_with("\u{FEFF}".as_bytes()) {
            bytes.drain(..3);
        }
        Ok(Some(Piece { line: self.line, bytes, end: self.end, state }))
    }

    /// The next record of CSV. A quote that is never closed spoils its own line and not those after it.
    pub fn record(&mut self) -> io::Result<Option<Piece>> {
        let Some(first) = self.line()? else { return Ok(None) };
        let mut place = Place::CellBegins.after(&first.bytes);
        let mut whole = first.clone();
        let mut joined = Vec::new();
        while place == Place::InQuotes && whole.state == Wholeness::Whole {
            let Some(next) = self.line()? else { break };
            if whole.bytes.len() + next.bytes.len() >= LONGEST {
                self.ahead.push_front(next);
                break;
            }
            place = place.after(b"\n").after(&next.bytes);
            whole.bytes.push(b'\n');
            whole.bytes.extend_from_slice(&next.bytes);
            (whole.end, whole.state) = (next.end, next.state);
            joined.push(next);
        }
        match place {
            Place::InQuotes | Place::Wrong if first.state == Wholeness::Whole => {
                joined.into_iter().rev().for_each(|line| self.ahead.push_front(line));
                Ok(Some(Piece { state: Wholeness::Misquoted, ..first }))
            }
            _ => Ok(Some(whole)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8]) -> Vec<(u64, String, Wholeness)> {
        let mut lines = Lines::new(text);
        std::iter::from_fn(|| lines.record().unwrap())
            .map(|piece| (piece.line, String::from_utf8_lossy(&piece.bytes).into_owned(), piece.state))
            .collect()
    }

    fn whole(line: u64, text: &str) -> (u64, String, Wholeness) {
        (line, text.to_owned(), Wholeness::Whole)
    }

    #[test]
    fn a_record_goes_on_over_line_ends_within_quotes_only() {
        let text = "\u{FEFF}a,b\n\"x\ny\",\"say \"\"hi\"\"\"\r\nO\"Neal,\n\nlast";
        assert_eq!(
            records(text.as_bytes()),
            [
                whole(1, "a,b"),
                whole(2, "\"x\ny\",\"say \"\"hi\"\"\"\r"),
                whole(4, "O\"Neal,"),
                whole(5, ""),
                whole(6, "last")
            ]
        );
        assert_eq!(records(b""), []);
    }

    #[test]
    fn a_quote_that_is_not_closed_spoils_its_own_line() {
        let text = b"a,\"b\nc,d\n\"e\"f,g\nh,\"i";
        let misquoted = |line, text: &str| (line, text.to_owned(), Wholeness::Misquoted);
        // The first quote of line 3 closes that of line 1, and is followed by more.
        assert_eq!(
            records(text),
            [misquoted(1, "a,\"b"), whole(2, "c,d"), misquoted(3, "\"e\"f,g"), misquoted(4, "h,\"i")]
        );
    }

    #[test]
    fn what_is_too_long_is_cut_and_what_follows_is_read() {
        let text = [vec![b'x'; 3 * LONGEST], b"\nnext\n\"".to_vec(), vec![b'y'; 2 * LONGEST]].concat();
        let found = records(&text);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].0, found[0].1.len(), found[0].2), (1, LONGEST, Wholeness::Cut));
        assert_eq!(found[1], whole(2, "next"));
        assert_eq!((found[2].0, found[2].1.len(), found[2].2), (3, LONGEST, Wholeness::Cut));
    }

    #[test]
    fn many_lines_that_belong_together_are_not_held_for_ever() {
        let text = ["\"open".to_owned(), "line".repeat(30)].join("\n") + &"\nline".repeat(LONGEST);
        let found = records(text.as_bytes());
        assert_eq!(found[0].2, Wholeness::Misquoted);
        assert_eq!(found.len(), LONGEST + 2);
        assert_eq!(found.last(), Some(&whole(LONGEST as u64 + 2, "line")));
    }
}
