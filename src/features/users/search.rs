//! How people are found: by the beginning of their address, of their name, or of a word in it.
//!
//! Both what is stored and what is asked for are folded here and not by the databases, which know the
//! case of different scripts. A term is the rest of the name from where a word begins, so one prefix may
//! reach over several words; the terms that begin with a prefix are one half-open range of the index.

use std::collections::BTreeSet;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::base::email::Email;

/// The most characters of a term, as many as an address has; an index of PostgreSQL holds 2,700 bytes.
const LONGEST: usize = 254;
/// The most words of a name that are remembered: each of a name's characters may be one.
const MOST: usize = 100;

/// What `q` asks for: 1 to 254 characters, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefix(String);

#[derive(Debug, thiserror::Error)]
#[error("what is searched for has 1 to 254 characters")]
pub struct InvalidPrefix;

impl TryFrom<String> for Prefix {
    type Error = InvalidPrefix;

    fn try_from(text: String) -> Result<Self, InvalidPrefix> {
        let folded: String = fold(&text).chars().take(LONGEST).collect();
        match !folded.is_empty() && text.chars().count() <= LONGEST {
            true => Ok(Self(folded)),
            false => Err(InvalidPrefix),
        }
    }
}

impl Prefix {
    /// The first term that begins with it, should there be one.
    pub fn from(&self) -> &str {
        &self.0
    }

    /// The first text after all that begin with it; `None` if there is no such text.
    pub fn to(&self) -> Option<String> {
        let mut text: Vec<char> = self.0.chars().collect();
        while let Some(last) = text.pop() {
            let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
            if let Some(next) = next {
                return Some(text.into_iter().chain([next]).collect());
            }
        }
        None
    }
}

/// All by which a person is found.
pub fn terms(email: &Email, display_name: Option<&str>) -> BTreeSet<String> {
    let name = fold(display_name.unwrap_or_default());
    // The name itself, whatever it begins with: not all that people write is a word.
    let starts: BTreeSet<usize> = [0].into_iter().chain(starts(&name)).collect();
    let words = starts.into_iter().take(MOST).filter_map(|at| name.get(at..));
    let words = words.filter(|rest| !rest.is_empty()).map(|rest| rest.chars().take(LONGEST).collect());
    words.chain([fold(email.as_str())]).collect()
}

/// Where words begin (UAX #29). Scripts that put no spaces between words have one at each character, as
/// the standard says for some; Hangul and Katakana are added, whose names are written in one piece.
fn starts(name: &str) -> impl Iterator<Item = usize> {
    let words = name.unicode_word_indices().map(|(at, _)| at);
    let in_one_piece = |(at, c)| matches!(c, '\u{AC00}'..='\u{D7A3}' | '\u{30A1}'..='\u{30FA}').then_some(at);
    // What stands before a word is part of it for whoever types it.
    let after_spaces = name.match_indices(' ').map(|(at, _)| at + 1);
    words.chain(name.char_indices().filter_map(in_one_piece)).chain(after_spaces)
}

/// One spelling for all that differ in case, width, composition or spaces only (NFKC, full case folding).
fn fold(text: &str) -> String {
    const NORMAL: icu_normalizer::ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();
    let folded = CaseMapper::new().fold_string(&NORMAL.normalize(text)).into_owned();
    // A Turkish capital I with its dot folds to an i with a dot above: whoever types an i means it, too.
    let folded = NORMAL.normalize(&folded.replace("i\u{307}", "i")).into_owned();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::try_from(text.to_owned()).unwrap()
    }

    fn finds(q: &str, name: &str) -> bool {
        let (q, email) = (prefix(q), "someone@example.com".parse().unwrap());
        let to = q.to().unwrap();
        terms(&email, Some(name)).iter().any(|term| q.from() <= term.as_str() && *term < to)
    }

    #[test]
    fn every_word_of_a_name_is_found_by_its_beginning_whatever_its_case() {
        for (q, name) in [
            ("ada", "Ada Lovelace"),
            ("LOVE", "Ada Lovelace"),
            ("ada  love", "Ada Lovelace"),
            ("luc", "Jean-Luc Picard"),
            ("jean-l", "Jean-Luc Picard"),
            ("o'n", "Shaquille O'Neal"),
            ("strasse", "Anna Straße"),
            ("STRAẞE", "Anna Strasse"),
            ("οδυσσευσ", "ΟΔΥΣΣΕΥΣ"),
            ("οδυσσεύς", "Ο Οδυσσεύς"),
            ("толст", "Лев Толстой"),
            ("ismail", "İsmail Kaya"),
            ("İSM", "ismail"),
            ("e\u{301}mile", "Émile Zola"),
            ("ａｄａ", "Ada"),
            ("محمد", "علي محمد"),
            ("कुमार", "राज कुमार"),
            ("🦀", "🦀 Ferris"),
            ("ferris", "🦀 Ferris"),
            ("(ada)", "Miss (Ada) Lovelace"),
            ("ada)", "Miss (Ada) Lovelace"),
            ("#1", "Number #1"),
        ] {
            assert!(finds(q, name), "{q} in {name}: {:?}", terms(&"a@b.co".parse().unwrap(), Some(name)));
        }
    }

    #[test]
    fn scripts_without_spaces_are_found_from_each_character_on() {
        for (q, name) in [
            ("王", "王小明"),
            ("王小", "王小明"),
            ("小明", "王小明"),
            ("明", "王小明"),
            ("司马", "歐陽司马"),
            ("민수", "김민수"),
            ("タロウ", "タナカタロウ"),
            ("たろう", "たなかたろう"),
            ("ชาย", "สมชาย"),
        ] {
            assert!(finds(q, name), "{q} in {name}: {:?}", terms(&"a@b.co".parse().unwrap(), Some(name)));
        }
    }

    #[test]
    fn the_inside_of_a_word_and_other_words_do_not_match() {
        for (q, name) in
            [("velace", "Ada Lovelace"), ("adam", "Ada"), ("ada b", "Ada Lovelace"), ("小", "王明")]
        {
            assert!(!finds(q, name), "{q} in {name}");
        }
    }

    #[test]
    fn the_longest_name_makes_terms_that_any_index_holds() {
        let email = "a@example.com".parse().unwrap();
        for name in ["\u{FDFA}".repeat(100), "王".repeat(100), "\u{1F600} ".repeat(50), "ab ".repeat(33)] {
            let terms = terms(&email, Some(&name));
            assert!(terms.len() <= MOST + 1 && terms.iter().all(|term| term.len() <= 4 * LONGEST), "{name}");
        }
    }

    #[test]
    fn the_last_word_and_the_whole_of_the_longest_name_are_found() {
        let many = "x ".repeat(49) + "y";
        for name in [&"a".repeat(100), &"ß".repeat(100), &many, &"王".repeat(100)] {
            assert!(finds(name, name), "{name}");
        }
        assert!(finds("y", &many));
        assert!(finds("明", &("王".repeat(99) + "明")));
    }

    #[test]
    fn what_is_empty_or_too_long_is_no_search() {
        for text in ["", " ", "\u{3000}", &"x".repeat(255)] {
            assert!(Prefix::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        assert_eq!(prefix(&"x".repeat(254)).from().len(), 254);
    }

    proptest! {
        #[test]
        fn the_range_of_a_prefix_holds_all_that_begin_with_it_and_nothing_else(q in "\\PC{1,6}", rest in ".{0,6}", other in ".{0,6}") {
            let Ok(prefix) = Prefix::try_from(q) else { return Ok(()) };
            let within = |text: &str| prefix.from() <= text && prefix.to().is_none_or(|to| text < to.as_str());
            prop_assert!(within(&[prefix.from(), &rest].concat()));
            prop_assert_eq!(within(&other), other.starts_with(prefix.from()));
        }

        #[test]
        fn what_is_folded_stays_as_it_is(text in "\\PC{0,12}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
