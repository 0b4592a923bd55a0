//! People as the lines of a file, some of them broken, each in a way that an import has to name.

use std::io;

use csv::WriterBuilder;
use serde::Serialize;
use serde_json::json;

use super::people::{People, Person};
use crate::features::users::transfer::Format;

pub const HEADER: [&str; 6] = ["email", "display_name", "locale", "status", "roles", "password_hash"];

/// A broken line, and how an import is to call what is wrong with it.
#[derive(Serialize)]
pub struct Planted {
    pub line: u64,
    pub code: &'static str,
}

/// The ways, and what each is called; what is wrong with the form is called by the format.
const WAYS: [&str; 10] = [
    "invalid_form",
    "invalid_email",
    "duplicate_email",
    "unknown_role",
    "unknown_column",
    "invalid_hash",
    "invalid_value",
    "too_long",
    "invalid_characters",
    "invalid_utf8",
];

/// The lines of all people, and of `broken` more evenly among them.
pub struct Lines<P> {
    people: P,
    count: u64,
    broken: u64,
    format: Format,
    /// The last person, how many there were, and how many broken lines.
    last: Option<Person>,
    written: u64,
    planted: u64,
}

impl Lines<()> {
    #[expect(clippy::new_ret_no_self, reason = "the kind of iterator has no name")]
    pub fn new(
        people: People,
        broken: u64,
        format: Format,
    ) -> impl Iterator<Item = (io::Result<Vec<u8>>, Option<&'static str>)> {
        let count = people.count;
        Lines { people: people.all(), count, broken, format, last: None, written: 0, planted: 0 }
    }
}

impl<P: Iterator<Item = Person>> Iterator for Lines<P> {
    type Item = (io::Result<Vec<u8>>, Option<&'static str>);

    fn next(&mut self) -> Option<Self::Item> {
        let due = u128::from(self.broken) * u128::from(self.written) / u128::from(self.count.max(1));
        if let Some(person) = self.last.as_ref().filter(|_| u128::from(self.planted) < due) {
            let way = WAYS[usize::try_from(self.planted).unwrap_or_default() % WAYS.len()];
            self.planted += 1;
            return Some(broken(way, person, self.format));
        }
        let person = self.people.next()?;
        self.written += 1;
        let line = line(&person, "", self.format);
        self.last = Some(person);
        Some((line, None))
    }
}

fn line(person: &Person, role: &str, format: Format) -> io::Result<Vec<u8>> {
    let Person { email, name, locale, status, hash } = person;
    if format == Format::Csv {
        let mut writer = WriterBuilder::new().from_writer(Vec::new());
        writer.write_record([email, name, locale.unwrap_or_default(), status, role, hash])?;
        return writer.into_inner().map_err(|error| error.into_error());
    }
    let roles: Vec<&str> = Some(role).into_iter().filter(|role| !role.is_empty()).collect();
    let line = json!({"email": email, "display_name": name, "locale": locale, "status": status, "roles": roles, "password_hash": hash});
    Ok(format!("{line}\n").into_bytes())
}

/// A line after that of `person` that is broken in one way.
fn broken(way: &'static str, person: &Person, format: Format) -> (io::Result<Vec<u8>>, Option<&'static str>) {
    let is_csv = format == Format::Csv;
    let other = |email: &str| Person {
        email: email.to_owned(),
        name: person.name.clone(),
        locale: person.locale,
        status: person.status,
        hash: person.hash.clone(),
    };
    let fresh = || other(&format!("broken.{}", person.email));
    let plain = |person: &Person| line(person, "", format);
    let raw = |bytes: &[u8]| Ok(bytes.to_vec());
    let (bytes, code) = match way {
        "invalid_email" => (plain(&other("nobody at nowhere")), way),
        "duplicate_email" => (plain(&other(&person.email.to_uppercase())), way),
        "unknown_role" => (line(&fresh(), "no-such-role", format), way),
        // A table has its columns in the first line: a line can only have too many.
        "unknown_column" if is_csv => (raw(b"a,b,c,d,e,f,g\n"), "invalid_csv"),
        "unknown_column" => (raw(b"{\"email\": \"x@seed.example\", \"is_admin\": true}\n"), way),
        "invalid_hash" => {
            let hash = "$2b$12$KIXIDyVpEoQVXr8hGQ1i1uJ0Dx3vT6Z8pVqz2Xw0eD9pQ4rL6sT7a".to_owned();
            (plain(&Person { hash, ..fresh() }), way)
        }
        "invalid_value" => (plain(&Person { name: "x".repeat(101), ..fresh() }), way),
        "too_long" => (plain(&Person { name: "x".repeat(70_000), ..fresh() }), way),
        "invalid_characters" => (raw(b"a\0b\n"), way),
        "invalid_utf8" => (raw(b"\"\xff\xfe\"\n"), way),
        _ if is_csv => (raw(b"\"a quote that is never closed\n"), "invalid_csv"),
        _ => (raw(b"{\"email\": \"half a line\n"), "invalid_json"),
    };
    (bytes, Some(code))
}
