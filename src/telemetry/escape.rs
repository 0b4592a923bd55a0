//! JSON escapes the control characters of ASCII but DEL, and none of those that Unicode took over (C1):
//! a terminal that shows the log would obey them.

use std::borrow::Cow;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

/// Escapes what `serde_json` leaves. In a line of JSON such characters can only lie in strings.
pub(super) struct Escaping<W>(pub W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&escaped(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Escaping<M> {
    type Writer = Escaping<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Escaping(self.0.make_writer())
    }
}

fn escaped(line: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(0x7f, 0xc2, line).is_none() {
        return line.into();
    }
    let text = String::from_utf8_lossy(line);
    let escape = |c: char| match c {
        '\u{7f}'..='\u{9f}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect::<String>().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_nothing_else_is_touched() {
        let told = |text: &str| String::from_utf8(escaped(text.as_bytes()).into_owned()).unwrap();
        assert_eq!(told("\"a\u{7f}b\u{9b}31mc\u{80}\""), r#""a\u007fb\u009b31mc\u0080""#);
        assert_eq!(told("\"© 2030 Äpfel\"\n"), "\"© 2030 Äpfel\"\n");
    }
}
