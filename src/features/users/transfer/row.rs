//! One person as a line has them, whatever the format; nothing is checked but its form.

use std::io::Read;
use std::str::FromStr;

use csv::{ByteRecord, ReaderBuilder, Terminator};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use super::lines::{Lines, Piece, Wholeness};
use super::{Fault, Format};

/// The columns there are. The last four are those of an export that a new account has of its own.
pub const COLUMNS: [&str; 12] = [
    "email",
    "display_name",
    "locale",
    "roles",
    "status",
    "email_verified",
    "password_hash",
    "password",
    "id",
    "created_at",
    "updated_at",
    "last_login_at",
];

/// Between the roles of a cell.
pub const BETWEEN_ROLES: char = ';';

/// A person to be. What is absent is `None`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub email: Option<String>,
    pub display_name: Option<String>,
    pub locale: Option<String>,
    pub roles: Option<Vec<String>>,
    pub status: Option<String>,
    pub email_verified: Option<bool>,
    pub password_hash: Option<String>,
    pub password: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) id: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) created_at: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) updated_at: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "known, and passed over")]
    pub(super) last_login_at: IgnoredAny,
}

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
            let header = header(lines.record()?)?;
            Ok(Box::new(pieces(lines, Lines::record, move |piece| of_record(piece, &header))))
        }
        Format::Ndjson => Ok(Box::new(pieces(lines, Lines::line, of_json))),
    }
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

/// Which column stands at which place.
fn header(piece: Option<Piece>) -> Result<Vec<&'static str>, Unreadable> {
    let known = COLUMNS.join(", ");
    let wrong = |what: String| Unreadable::Header(format!("{what}; the columns are {known}"));
    let piece = piece.ok_or_else(|| wrong("the file is empty".into()))?;
    sound(&piece).map_err(|fault| wrong(fault.message))?;
    let mut header = Vec::new();
    for cell in &cells(&piece)? {
        let name = std::str::from_utf8(cell).unwrap_or_default().trim();
        let column = COLUMNS.into_iter().find(|column| *column == name);
        let column = column.ok_or_else(|| wrong(format!("there is no column {}", shown(name))))?;
        if header.contains(&column) {
            return Err(wrong(format!("{column} is there twice")));
        }
        header.push(column);
    }
    if header.contains(&"email") { Ok(header) } else { Err(wrong("email is missing".into())) }
}

fn cells(piece: &Piece) -> Result<ByteRecord, Unreadable> {
    // The line is cut already: a bare CR is a character like others, and one that no name may have.
    let line = piece.bytes.strip_suffix(b"\r").unwrap_or(&piece.bytes);
    let mut reader = ReaderBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1024)
        .from_reader(line);
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).map_err(std::io::Error::from)?;
    Ok(record)
}

fn of_record(piece: &Piece, header: &[&'static str]) -> Result<Row, Fault> {
    let wrong = |message: String| Fault::whole(piece.line, "invalid_csv", message);
    let cells = cells(piece).map_err(|error| wrong(error.to_string()))?;
    if cells.len() != header.len() {
        return Err(wrong(format!("the line has {} cells and not {}", cells.len(), header.len())));
    }
    let mut row = Row::default();
    for (column, cell) in header.iter().zip(&cells) {
        let text = std::str::from_utf8(cell).unwrap_or_default();
        if !text.is_empty() {
            row.put(column, text)
                .map_err(|message| Fault::new(piece.line, column, "invalid_value", message))?;
        }
    }
    Ok(row)
}

impl Row {
    /// Somebody with a password hash, and without roles of their own.
    pub fn of(
        email: String,
        display_name: String,
        locale: Option<String>,
        status: String,
        hash: String,
    ) -> Self {
        Self {
            email: Some(email),
            display_name: Some(display_name),
            locale,
            status: Some(status),
            password_hash: Some(hash),
            ..Self::default()
        }
    }

    fn put(&mut self, column: &str, text: &str) -> Result<(), &'static str> {
        let field = match column {
            "email" => &mut self.email,
            "display_name" => &mut self.display_name,
            "locale" => &mut self.locale,
            "status" => &mut self.status,
            "password_hash" => &mut self.password_hash,
            "password" => &mut self.password,
            "roles" => {
                let names = text.split(BETWEEN_ROLES).map(str::trim).filter(|name| !name.is_empty());
                self.roles = Some(names.map(str::to_owned).collect());
                return Ok(());
            }
            "email_verified" => {
                self.email_verified = Some(bool::from_str(text).map_err(|_| "it is true or false")?);
                return Ok(());
            }
            // What a new account has of its own.
            _ => return Ok(()),
        };
        *field = Some(text.to_owned());
        Ok(())
    }
}

fn of_json(piece: &Piece) -> Result<Row, Fault> {
    let whole = |code, message: String| Fault::whole(piece.line, code, message);
    let text = piece.bytes.trim_ascii();
    if !text.starts_with(b"{") {
        return Err(whole("invalid_json", "the line is no JSON object".into()));
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let row = serde_path_to_error::deserialize(&mut json);
    let row: Row = row.map_err(|error| {
        let (path, error) = (error.path().to_string(), error.inner());
        let said = error.to_string();
        let quoted = said.split('`').nth(1).unwrap_or_default();
        let fault = |place: &str, message: &str| {
            let column = COLUMNS.into_iter().find(|column| *column == place);
            Fault { line: piece.line, column, code: "invalid_value", message: message.to_owned() }
        };
        // What the parser says may hold what the line says, so it is not passed on.
        match error.classify() {
            Category::Data if said.starts_with("unknown field") => {
                whole("unknown_column", format!("there is no column {}", shown(quoted)))
            }
            Category::Data if said.starts_with("duplicate field") => fault(quoted, "it is there twice"),
            Category::Data => {
                fault(path.split(['.', '[']).next().unwrap_or_default(), "it is of the wrong type")
            }
            _ => whole("invalid_json", format!("the line is no JSON from character {} on", error.column())),
        }
    })?;
    json.end().map_err(|_| whole("invalid_json", "something follows the JSON object".into()))?;
    Ok(row)
}

/// A name that is not ours, fit for a terminal.
fn shown(name: &str) -> String {
    let start: String = name.chars().take(40).collect();
    format!("{start:?}")
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
