//! A file of people: each line becomes a person, or says what is wrong with it. Nothing is checked but its form.

use std::io::Read;

use super::lines::{Lines, Piece, Wholeness};
use super::row::{COLUMNS, Row};
use super::{Fault, Format, csv, ndjson};

/// What was made of a line.
pub struct Taken {
    pub line: u64,
    /// Where the next one begins, in bytes.
    pub end: u64,
    pub row: Result<Row, Fault>,
}

/// Why a file cannot be read, or not as what it is said to be.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("line 1 must name the columns: {0}")]
    Header(String),
}

/// People, one after the other.
pub type Source = Box<dyn Iterator<Item = Result<Taken, Unreadable>> + Send>;

/// Reads people. Empty lines are passed over.
pub fn read(input: impl Read + Send + 'static, format: Format) -> Result<Source, Unreadable> {
    let mut lines = Lines::new(input);
    match format {
        Format::Csv => {
            let header = header(lines.record()?).map_err(Unreadable::Header)?;
            Ok(Box::new(pieces(lines, Lines::record, move |piece| csv::row(piece, &header))))
        }
        Format::Ndjson => Ok(Box::new(pieces(lines, Lines::line, ndjson::row))),
    }
}

/// Which column stands at which place.
fn header(first: Option<Piece>) -> Result<Vec<&'static str>, String> {
    let read = |first: Option<Piece>| {
        let first = first.ok_or("the file is empty")?;
        sound(&first).map_err(|fault| fault.message)?;
        csv::header(&first)
    };
    read(first).map_err(|what| format!("{what}; the columns are {}", COLUMNS.join(", ")))
}

fn pieces<R: Read>(
    mut lines: Lines<R>,
    next: impl Fn(&mut Lines<R>) -> std::io::Result<Option<Piece>>,
    make: impl Fn(&Piece) -> Result<Row, Fault>,
) -> impl Iterator<Item = Result<Taken, Unreadable>> {
    let is_empty = |piece: &Piece| piece.bytes.iter().all(u8::is_ascii_whitespace);
    std::iter::from_fn(move || {
        loop {
            match next(&mut lines) {
                Err(error) => return Some(Err(error.into())),
                Ok(None) => return None,
                Ok(Some(piece)) if is_empty(&piece) => {}
                Ok(Some(piece)) => {
                    let row = sound(&piece).and_then(|()| make(&piece));
                    return Some(Ok(Taken { line: piece.line, end: piece.end, row }));
                }
            }
        }
    })
}

fn sound(piece: &Piece) -> Result<(), Fault> {
    let fault = |code, message: &str| Err(Fault::whole(piece.line, code, message));
    match piece.state {
        Wholeness::Cut => fault("too_long", "the line is longer than 64 KiB"),
        Wholeness::Misquoted => {
            fault("invalid_csv", "a quote is not closed, or followed by more than a comma")
        }
        Wholeness::Whole if piece.bytes.contains(&0) => fault("invalid_characters", "the line has a NUL"),
        Wholeness::Whole if std::str::from_utf8(&piece.bytes).is_err() => {
            fault("invalid_utf8", "the line is not UTF-8")
        }
        Wholeness::Whole => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], format: Format) -> Vec<Result<Row, Fault>> {
        let source = read(std::io::Cursor::new(text.to_vec()), format).unwrap();
        source.map(|taken| taken.unwrap().row).collect()
    }

    fn faults(text: &[u8], format: Format) -> Vec<(u64, Option<&'static str>, &'static str)> {
        let faults = all(text, format).into_iter().filter_map(Result::err);
        faults.map(|fault| (fault.line, fault.column, fault.code)).collect()
    }

    #[test]
    fn nobody_is_lost_behind_a_bare_carriage_return() {
        let within = b"email,display_name\na@b.co,Ada\rlost@b.co,Lost\r\nc@d.co,Bob\r\n";
        assert_eq!(faults(within, Format::Csv), [(2, None, "invalid_csv")]);
        let one_cell = b"email\na@b.co\rlost@b.co\r\n";
        let rows = all(one_cell, Format::Csv);
        let [Ok(row)] = rows.as_slice() else { panic!("one line, which is no address") };
        assert_eq!(row.email.as_deref(), Some("a@b.co\rlost@b.co"));
        assert!(read(&b"email,display_name\ra@b.co,Ada\r"[..], Format::Csv).is_err(), "the header is all");
    }

    #[test]
    fn both_formats_say_the_same() {
        let csv =
            "email,display_name,roles,email_verified,id\n\na@b.co,\"Ada, Countess\",auditor;admin,true,7\n";
        let ndjson = r#"{"email": "a@b.co", "display_name": "Ada, Countess", "roles": ["auditor", "admin"], "email_verified": true, "id": 7, "locale": null}"#;
        for (text, format) in [(csv, Format::Csv), (ndjson, Format::Ndjson)] {
            let rows = all(text.as_bytes(), format);
            let [Ok(row)] = rows.as_slice() else { panic!("{format:?}") };
            assert_eq!(row.email.as_deref(), Some("a@b.co"));
            assert_eq!(row.display_name.as_deref(), Some("Ada, Countess"));
            assert_eq!(row.roles.as_deref().unwrap(), ["auditor", "admin"]);
            assert_eq!((row.email_verified, row.locale.as_deref()), (Some(true), None));
        }
    }

    #[test]
    fn every_fault_of_form_has_its_line() {
        let csv = b"email,email_verified\na@b.co\na@b.co,yes\n\xff@b.co,\nb\0@b.co,\n\"a@b.co,\nok@b.co,\n";
        assert_eq!(
            faults(csv, Format::Csv),
            [
                (2, None, "invalid_csv"),
                (3, Some("email_verified"), "invalid_value"),
                (4, None, "invalid_utf8"),
                (5, None, "invalid_characters"),
                (6, None, "invalid_csv")
            ]
        );
        let ndjson = b"{\"email\": 7}\n[\"a@b.co\"]\n{\"mail\": \"a@b.co\"}\n{\"email\":\n{\"email\": \"a\", \"email\": \"b\"}\n{} x\n{\"roles\": [1]}\n\"\"";
        assert_eq!(
            faults(ndjson, Format::Ndjson),
            [
                (1, Some("email"), "invalid_value"),
                (2, None, "invalid_json"),
                (3, None, "unknown_column"),
                (4, None, "invalid_json"),
                (5, Some("email"), "invalid_value"),
                (6, None, "invalid_json"),
                (7, Some("roles"), "invalid_value"),
                (8, None, "invalid_json"),
            ]
        );
    }

    #[test]
    fn what_a_line_says_is_not_in_its_fault() {
        for line in [r#"{"password": 8472910}"#, r#"{"roles": "hunter2"}"#, r#"{"password": "hunter2"#] {
            let fault = all(line.as_bytes(), Format::Ndjson).remove(0).err().unwrap();
            assert!(!fault.message.contains("8472910") && !fault.message.contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn a_header_names_columns_that_are_there_once_each_and_the_address_among_them() {
        for (header, word) in [
            ("email,mail", "\"mail\""),
            ("email;display_name", "\"email;display_name\""),
            ("email,email", "twice"),
            ("display_name", "email is missing"),
            ("", "empty"),
            ("email,\x1b[31m", "\\u{1b}"),
        ] {
            let error = read(std::io::Cursor::new(header.to_owned()), Format::Csv).err().unwrap().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
