//! Everything that is wrong with a body, gathered: the bridge from deserr to [`Problem`].

use std::ops::ControlFlow;

use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef};

use crate::base::language::Arg;
use crate::http::{Code, Fault, Problem};

/// Something that can be wrong with a value: how the one error type knows all the others.
pub trait Rule {
    /// The stable code; its text is `fault-<code with dashes>` in `locales/*.ftl`.
    fn code(&self) -> &'static str;

    /// What the text is filled in with.
    fn args(&self) -> Vec<(&'static str, Arg)> {
        Vec::new()
    }

    /// For a rule across fields: which one to mark, as a pointer from where the rule stands (`/to`).
    fn pointer(&self) -> Option<&str> {
        None
    }
}

/// No more faults than this are gathered.
const MOST: usize = 100;

/// All faults of one body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    fn of(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// One broken rule at one place.
    pub fn broken(rule: impl Rule, at: ValuePointerRef<'_>) -> Self {
        let pointer = pointer(at) + rule.pointer().unwrap_or_default();
        Self::of(Fault { pointer, code: rule.code(), args: rule.args() })
    }

    /// These, and one more at the root of the body or where the rule says.
    pub fn and(mut self, rule: impl Rule) -> Self {
        self.0.extend(Self::broken(rule, ValuePointerRef::Origin).0);
        self
    }

    /// Whether one of them is at `pointer`.
    pub fn blame(&self, pointer: &str) -> bool {
        self.0.iter().any(|fault| fault.pointer == pointer)
    }

    /// The code of the whole: a special one if all faults are of that kind.
    fn summary(&self) -> Code {
        let all = |code: Code| self.0.iter().all(|fault| fault.code == code.name());
        [Code::UNKNOWN_FIELD, Code::WEAK_PASSWORD]
            .into_iter()
            .find(|code| all(*code))
            .unwrap_or(Code::VALIDATION_FAILED)
    }

    /// Keeps on gathering, up to what a person might read: the answer to a small body must not be large.
    fn join(before: Option<Self>, more: Self) -> ControlFlow<Self, Self> {
        let mut all = before.unwrap_or_default();
        all.0.extend(more.0);
        if all.0.len() >= MOST { ControlFlow::Break(all) } else { ControlFlow::Continue(all) }
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        let problem = Self::new(faults.summary());
        faults.0.into_iter().fold(problem, Self::fault)
    }
}

impl MergeWithError<Faults> for Faults {
    fn merge(before: Option<Self>, more: Self, _at: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        Self::join(before, more)
    }
}

impl<R: Rule> MergeWithError<R> for Faults {
    fn merge(before: Option<Self>, rule: R, at: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        Self::join(before, Self::broken(rule, at))
    }
}

impl DeserializeError for Faults {
    fn error<V: IntoValue>(
        before: Option<Self>,
        error: ErrorKind<'_, V>,
        at: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let fault = match error {
            ErrorKind::MissingField { field } => Fault::new(pointer(at.push_key(field)), "required"),
            ErrorKind::UnknownKey { key, .. } => Fault::new(pointer(at.push_key(key)), "unknown_field"),
            ErrorKind::IncorrectValueKind { accepted, .. } => {
                Fault::new(pointer(at), "wrong_type").with("expected", expected(accepted))
            }
            ErrorKind::UnknownValue { accepted, .. } => {
                Fault::new(pointer(at), "invalid_choice").with("accepted", accepted.join(", "))
            }
            ErrorKind::BadSequenceLen { expected, .. } => {
                Fault::new(pointer(at), "wrong_length").with("expected", expected)
            }
            ErrorKind::Unexpected { .. } => Fault::new(pointer(at), "invalid_value"),
        };
        Self::join(before, Self::of(fault))
    }
}

/// The JSON Schema name of the widest kind that is accepted.
fn expected(accepted: &[ValueKind]) -> &'static str {
    let widest = |kind: &ValueKind| match kind {
        ValueKind::Float => 1,
        ValueKind::Null => 9,
        _ => 2,
    };
    match accepted.iter().min_by_key(|kind| widest(kind)) {
        Some(ValueKind::String) => "string",
        Some(ValueKind::Integer | ValueKind::NegativeInteger) => "integer",
        Some(ValueKind::Float) => "number",
        Some(ValueKind::Boolean) => "boolean",
        Some(ValueKind::Sequence) => "array",
        Some(ValueKind::Map) => "object",
        Some(ValueKind::Null) | None => "null",
    }
}

/// A JSON pointer (RFC 6901 §3: `~` is written `~0`, `/` is written `~1`).
fn pointer(at: ValuePointerRef<'_>) -> String {
    match at {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => {
            format!("{}/{}", pointer(*prev), key.replace('~', "~0").replace('/', "~1"))
        }
        ValuePointerRef::Index { index, prev } => format!("{}/{index}", pointer(*prev)),
    }
}

#[cfg(test)]
mod tests {
    use deserr::Deserr;
    use serde_json::{Value, json};

    use super::*;
    use crate::base::language::Language;

    #[derive(Debug, Deserr)]
    #[deserr(try_from(String) = Slug::parse -> NotASlug)]
    struct Slug(String);

    struct NotASlug;

    impl Rule for NotASlug {
        fn code(&self) -> &'static str {
            "invalid_characters"
        }
    }

    impl Slug {
        fn parse(text: String) -> Result<Self, NotASlug> {
            text.bytes().all(|b| b.is_ascii_lowercase()).then_some(Self(text)).ok_or(NotASlug)
        }
    }

    #[derive(Debug, Deserr)]
    #[deserr(error = Faults, deny_unknown_fields, validate = in_order -> OutOfOrder)]
    struct Span {
        from: u8,
        to: u8,
    }

    struct OutOfOrder;

    impl Rule for OutOfOrder {
        fn code(&self) -> &'static str {
            "invalid_value"
        }
        fn pointer(&self) -> Option<&str> {
            Some("/to")
        }
    }

    fn in_order(span: Span, _: ValuePointerRef<'_>) -> Result<Span, OutOfOrder> {
        if span.from <= span.to { Ok(span) } else { Err(OutOfOrder) }
    }

    #[derive(Debug, Deserr)]
    enum Colour {
        Red,
        Blue,
    }

    #[derive(Debug, Deserr)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct Body {
        #[deserr(rename = "a/b~c")]
        slug: Slug,
        #[deserr(default)]
        spans: Vec<Span>,
        #[deserr(default)]
        colour: Option<Colour>,
        #[deserr(default)]
        ratio: Option<f32>,
    }

    #[test]
    fn a_sound_body_is_read() {
        let body = json!({"a/b~c": "slug", "spans": [{"from": 1, "to": 1}], "colour": "Blue", "ratio": 2});
        let body = deserr::deserialize::<Body, _, Faults>(body).unwrap();
        assert_eq!((body.slug.0.as_str(), body.spans.len()), ("slug", 1));
        assert!(matches!(body.colour, Some(Colour::Blue)) && body.ratio == Some(2.0));
    }

    fn faults(body: Value, language: Language) -> Vec<(String, String, String)> {
        let faults = deserr::deserialize::<Body, _, Faults>(body).unwrap_err();
        let body = Problem::from(faults).body(language, "-", false);
        body.errors.into_iter().map(|fault| (fault.pointer, fault.code.to_owned(), fault.message)).collect()
    }

    fn fault(pointer: &str, code: &str, message: &str) -> (String, String, String) {
        (pointer.to_owned(), code.to_owned(), message.to_owned())
    }

    #[test]
    fn all_faults_are_gathered_each_with_its_pointer_and_message() {
        let spans = json!([{"from": 1, "to": 2}, {"from": 3, "to": 1}, {"from": 300}]);
        let body =
            json!({"a/b~c": "Not a slug", "spans": spans, "colour": "green", "ratio": "x", "admin/x": true});
        let mut found = faults(body, Language::English);
        found.sort();
        assert_eq!(
            found,
            [
                fault("/admin~1x", "unknown_field", "This field is not known here"),
                fault("/a~1b~0c", "invalid_characters", "This has characters that are not allowed"),
                fault("/colour", "invalid_choice", "This must be one of: Red, Blue"),
                fault("/ratio", "wrong_type", "This must be a number"),
                fault("/spans/1/to", "invalid_value", "This value is not allowed"),
                fault("/spans/2/from", "invalid_value", "This value is not allowed"),
                fault("/spans/2/to", "required", "This is required"),
            ]
        );
    }

    #[test]
    fn messages_are_in_the_callers_language() {
        let found = faults(json!({"a/b~c": 7, "ratio": []}), Language::Chinese);
        assert_eq!(
            found,
            [fault("/a~1b~0c", "wrong_type", "必须是文本"), fault("/ratio", "wrong_type", "必须是数字")]
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_a_fault_of_the_whole() {
        assert_eq!(faults(json!([]), Language::English), [fault("", "wrong_type", "This must be an object")]);
    }

    #[test]
    fn a_body_full_of_faults_gets_an_answer_of_bounded_size() {
        let body: Value =
            (0..10_000).map(|n| (n.to_string(), json!(0))).collect::<serde_json::Map<_, _>>().into();
        assert!(faults(body, Language::English).len() <= MOST + 2);
    }

    #[test]
    fn the_code_of_the_whole_is_special_only_if_all_faults_are_of_that_kind() {
        let summary = |codes: &[&'static str]| {
            Faults(codes.iter().map(|code| Fault::new("/x", code)).collect()).summary()
        };
        assert_eq!(summary(&["unknown_field", "unknown_field"]), Code::UNKNOWN_FIELD);
        assert_eq!(summary(&["weak_password"]), Code::WEAK_PASSWORD);
        assert_eq!(summary(&["weak_password", "required"]), Code::VALIDATION_FAILED);
    }
}
