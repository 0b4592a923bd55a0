//! Text of a bounded length, without characters that do harm where it is shown.

use std::borrow::Cow;
use std::fmt;

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use super::fault::{Faults, Rule};
use crate::base::language::Arg;

/// One line of text, trimmed, of `MIN` to `MAX` code points; with `LINES` also several lines.
///
/// Control characters are refused (PostgreSQL takes no NUL, mail headers no line breaks), and so are
/// the marks that reverse the direction of writing, with which a name can pose as another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize, const LINES: bool = false>(String);

/// Several lines of text, trimmed, of `MIN` to `MAX` code points.
pub type Prose<const MIN: usize, const MAX: usize> = Text<MIN, MAX, true>;

/// Why a text is refused. Lengths are in code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    #[error("has fewer than {0} character{s}", s = if *.0 == 1 { "" } else { "s" })]
    TooShort(usize),
    #[error("has more than {0} characters")]
    TooLong(usize),
    #[error("has characters that are not allowed")]
    Characters,
}

impl Rule for InvalidText {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::Characters => "invalid_characters",
        }
    }

    fn args(&self) -> Vec<(&'static str, Arg)> {
        match *self {
            Self::TooShort(min) => vec![("min", min.into())],
            Self::TooLong(max) => vec![("max", max.into())],
            Self::Characters => Vec::new(),
        }
    }
}

impl<const MIN: usize, const MAX: usize, const LINES: bool> Text<MIN, MAX, LINES> {
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        // The most is of what was sent, as `maxLength` in the documents says; the least, of what stays.
        let is_too_long = text.chars().count() > MAX;
        let text = text.trim();
        if is_too_long {
            Err(InvalidText::TooLong(MAX))
        } else if text.chars().count() < MIN {
            Err(InvalidText::TooShort(MIN))
        } else if text.chars().any(|c| is_harmful(c) && !(LINES && matches!(c, '\n' | '\r' | '\t'))) {
            Err(InvalidText::Characters)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// Control characters, line and paragraph separators, and bidirectional overrides (Unicode UAX #9 §2).
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What [`Text::parse`] takes, for the documents: spaces at the ends do not matter, and text that must
/// be there has something to see.
fn pattern(min: usize, lines: bool) -> String {
    const MARKS: &str = r"\u2028-\u202e\u2066-\u2069";
    let controls = if lines {
        r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
    } else {
        r"\u0000-\u001f\u007f-\u009f"
    };
    let text = match min {
        0 => format!("[^{controls}{MARKS}]*"),
        _ => format!(r"[^{controls}{MARKS}]*[^\s{controls}{MARKS}][^{controls}{MARKS}]*"),
    };
    format!(r"^[\t-\r ]*{text}[\t-\r ]*$")
}

impl<const MIN: usize, const MAX: usize, const LINES: bool> Deserr<Faults> for Text<MIN, MAX, LINES> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Faults> {
        let text = <String as Deserr<Faults>>::deserialize_from_value(value, at)?;
        Self::parse(&text).map_err(|rule| Faults::broken(rule, at))
    }
}

impl<const MIN: usize, const MAX: usize, const LINES: bool> fmt::Display for Text<MIN, MAX, LINES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MIN: usize, const MAX: usize, const LINES: bool> utoipa::PartialSchema for Text<MIN, MAX, LINES> {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        text.min_length(Some(MIN)).max_length(Some(MAX)).pattern(Some(pattern(MIN, LINES))).into()
    }
}

/// Each length is a type of its own, and so has a name of its own; `#[schema(inline)]` does without.
impl<const MIN: usize, const MAX: usize, const LINES: bool> utoipa::ToSchema for Text<MIN, MAX, LINES> {
    fn name() -> Cow<'static, str> {
        format!("Text{MIN}To{MAX}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_measured_in_code_points() {
        assert_eq!(Text::<1, 6>::parse("  äöü ").unwrap().as_str(), "äöü");
        assert_eq!(Text::<1, 3>::parse("äöüx"), Err(InvalidText::TooLong(3)));
        assert_eq!(Text::<1, 3>::parse("äöü "), Err(InvalidText::TooLong(3)));
        assert_eq!(Text::<1, 3>::parse(" \t "), Err(InvalidText::TooShort(1)));
        assert_eq!(Text::<0, 3>::parse("").unwrap().as_str(), "");
    }

    #[test]
    fn what_does_harm_where_it_is_shown_is_refused() {
        for text in ["a\0b", "a\nb", "a\x1b[31mb", "a\u{202E}b", "a\u{2028}b", "a\u{85}b"] {
            assert_eq!(Text::<1, 20>::parse(text), Err(InvalidText::Characters), "{text:?}");
        }
    }

    #[test]
    fn prose_may_have_lines() {
        assert_eq!(Prose::<1, 20>::parse("a\r\n\tb\n").unwrap().as_str(), "a\r\n\tb");
        assert_eq!(Prose::<1, 20>::parse("a\0b"), Err(InvalidText::Characters));
    }
}
