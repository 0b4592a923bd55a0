//! The languages people are answered in, and the texts (Project Fluent, `locales/*.ftl`).

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};

/// A language that Stead speaks; on the wire and in a user's `locale` it is `en` or `zh`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[sqlx(type_name = "text")]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    #[sqlx(rename = "en")]
    English,
    #[serde(rename = "zh")]
    #[sqlx(rename = "zh")]
    Chinese,
}

/// The text is neither `en` nor `zh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a language of ours")]
pub struct InvalidLanguage;

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Chooses by an `Accept-Language` header (RFC 9110 §12.5.4); English where it says nothing of use.
    pub fn negotiate(accept_language: Option<&str>) -> Self {
        let mut best = (0.0, Self::default());
        for range in accept_language.unwrap_or_default().split(',') {
            if let Some((quality, language)) = weighed(range)
                && quality > best.0
            {
                best = (quality, language);
            }
        }
        best.1
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::English));
        static CHINESE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| load(Language::Chinese));
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    fn texts(self) -> &'static str {
        match self {
            Self::English => include_str!("../../locales/en.ftl"),
            Self::Chinese => include_str!("../../locales/zh.ftl"),
        }
    }
}

/// One language range with its weight: `zh-CN;q=0.8`. A weight out of 0 to 1 voids the range.
fn weighed(range: &str) -> Option<(f32, Language)> {
    let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
    let quality = parameter.trim().strip_prefix("q=")?.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
    let language = match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
        "zh" => Language::Chinese,
        "en" | "*" => Language::English,
        _ => return None,
    };
    Some((quality, language))
}

fn load(language: Language) -> FluentBundle<FluentResource> {
    // A text with a fault is left out rather than stopping the server; a test sees to it that there is none.
    let texts = FluentResource::try_new(language.texts().to_owned()).unwrap_or_else(|(parsed, _)| parsed);
    let mut bundle = FluentBundle::new_concurrent(language.tag().parse().into_iter().collect());
    // The marks that isolate directions are noise in JSON and in logs, and neither language needs them.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(texts);
    bundle
}

/// What a text may be filled in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    Text(String),
    Number(i64),
}

/// The text `id`, or `id.attribute`, in `language`; the id itself where there is no such text.
pub fn translate(language: Language, id: &str, args: &[(&str, Arg)]) -> String {
    let bundle = language.bundle();
    let pattern = match id.split_once('.') {
        Some((id, name)) => {
            bundle.get_message(id).and_then(|m| m.get_attribute(name)).map(|attribute| attribute.value())
        }
        None => bundle.get_message(id).and_then(|m| m.value()),
    };
    let args: FluentArgs = args.iter().map(|(name, arg)| (*name, FluentValue::from(arg))).collect();
    pattern.map_or_else(
        || id.to_owned(),
        |pattern| bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned(),
    )
}

impl<'a> From<&'a Arg> for FluentValue<'a> {
    fn from(arg: &'a Arg) -> Self {
        match arg {
            Arg::Text(text) => Self::from(text.as_str()),
            Arg::Number(number) => Self::from(*number),
        }
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Arg {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Arg {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Arg {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl FromStr for Language {
    type Err = InvalidLanguage;

    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        Self::ALL.into_iter().find(|language| language.tag() == text).ok_or(InvalidLanguage)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    /// Every id of a file (`message` or `message.attribute`) with the variables its text uses.
    fn ids(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::<String, BTreeSet<String>>::new();
        let (mut message, mut id) = (String::new(), String::new());
        for line in language.texts().lines().filter(|line| !line.starts_with('#')) {
            let attribute = line.trim_start().strip_prefix('.');
            if let Some((name, _)) = attribute.and_then(|rest| rest.split_once(" =")) {
                id = format!("{message}.{name}");
            } else if let Some((name, _)) = line.split_once(" =").filter(|_| !line.starts_with([' ', '}'])) {
                message = name.to_owned();
                id = name.to_owned();
            }
            let variables =
                line.split('$').skip(1).map(|rest| rest.split([' ', '}']).next().unwrap().to_owned());
            found.entry(id.clone()).or_default().extend(variables);
        }
        found
    }

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_variables() {
        assert_eq!(ids(Language::English), ids(Language::Chinese));
        assert!(ids(Language::English).len() > 100);
    }

    #[test]
    fn every_text_is_sound_and_stands_only_once() {
        for language in Language::ALL {
            let resource = FluentResource::try_new(language.texts().to_owned());
            let resource = resource.unwrap_or_else(|(_, faults)| panic!("{language}: {faults:?}"));
            let mut bundle = FluentBundle::new_concurrent(vec![language.tag().parse().unwrap()]);
            bundle.add_resource(resource).unwrap_or_else(|faults| panic!("{language}: {faults:?}"));
        }
    }

    #[test]
    fn the_language_follows_the_header_and_its_weights() {
        for (header, expected) in [
            ("zh", Language::Chinese),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("ZH-hans-CN", Language::Chinese),
            ("en;q=0.5, zh;q=0.7", Language::Chinese),
            ("en, zh", Language::English),
            ("zh;q=0, *", Language::English),
            ("fr, de;q=0.9, zh;q=0.1", Language::Chinese),
            ("fr", Language::English),
            ("zh;q=2", Language::English),
            ("zh;q=NaN, ;;,", Language::English),
            ("zhuang", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::negotiate(Some(header)), expected, "{header:?}");
        }
        assert_eq!(Language::negotiate(None), Language::English);
    }

    #[test]
    fn plurals_follow_the_language() {
        let text = |language, count: i32| {
            translate(language, "error-validation-failed.detail", &[("count", count.into())])
        };
        assert_eq!(text(Language::English, 1), "1 field is not valid");
        assert_eq!(text(Language::English, 2), "2 fields are not valid");
        assert_eq!(text(Language::Chinese, 2), "有 2 个字段无效");
    }

    #[test]
    fn a_text_that_does_not_exist_is_its_own_id() {
        assert_eq!(translate(Language::Chinese, "no-such-text", &[]), "no-such-text");
        assert_eq!(
            translate(Language::Chinese, "fault-required.no-such-part", &[]),
            "fault-required.no-such-part"
        );
    }

    #[test]
    fn a_language_is_named_by_its_tag() {
        assert_eq!("zh".parse(), Ok(Language::Chinese));
        assert_eq!("zh-CN".parse::<Language>(), Err(InvalidLanguage));
        assert_eq!(serde_json::to_string(&Language::English).unwrap(), "\"en\"");
    }

    proptest! {
        #[test]
        fn negotiation_never_panics(
            header in ".{0,60}",
            ranges in "([a-z*-]{0,4};?q?=?[0-9.eN-]{0,4},?){0,6}",
        ) {
            Language::negotiate(Some(&header));
            Language::negotiate(Some(&ranges));
        }
    }
}
