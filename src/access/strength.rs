//! Which new passwords are good enough (NIST SP 800-63B §3.1.1.2: length and guessability, no
//! composition rules).

use std::borrow::Cow;

use crate::base::email::Email;
use crate::base::secret::Password;

/// zxcvbn's score of 4: "safely unguessable: moderate protection from an offline attack".
const MIN_SCORE: u8 = 3;
/// The estimate takes quadratic time; what is strong in this many code points stays strong.
const ESTIMATED: usize = 32;

/// Why a password is too weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    TooShort { min: usize },
    TooLong,
    Guessable,
}

/// What a new password is measured by.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The account's address, if it is known.
    pub email: Option<Email>,
    /// The service's name.
    pub service: &'static str,
    /// In code points.
    pub min_length: usize,
}

impl Measure {
    /// Whether `password` is neither too short nor too long. Takes no time.
    pub fn length(&self, password: &Password) -> Result<(), Weakness> {
        match password.code_points() {
            length if length > Password::MAX_LENGTH => Err(Weakness::TooLong),
            length if length < self.min_length => Err(Weakness::TooShort { min: self.min_length }),
            _ => Ok(()),
        }
    }

    /// Whether `password` is hard to guess. Takes milliseconds of a core: the hash threads do it.
    pub fn guessability(&self, password: &Password) -> Result<(), Weakness> {
        let address = self.email.as_ref().map_or("", Email::as_str);
        let parts = address.split('@').chain(address.split(['@', '.', '+', '-', '_']));
        let words: Vec<&str> = parts.chain([address, self.service]).filter(|word| !word.is_empty()).collect();
        let text = start(password.expose());
        let score = zxcvbn::zxcvbn(&text, &words).score();
        if u8::from(score) < MIN_SCORE { Err(Weakness::Guessable) } else { Ok(()) }
    }
}

fn start(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ESTIMATED) {
        Some((end, _)) => Cow::Borrowed(&text[..end]),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_for_ada(text: &str) -> Result<(), Weakness> {
        let measure = Measure {
            email: Some("ada.lovelace@example.com".parse().unwrap()),
            service: "Stead",
            min_length: 8,
        };
        let password = Password::new(text.into());
        measure.length(&password).and_then(|()| measure.guessability(&password))
    }

    #[test]
    fn length_counts_code_points_from_the_minimum_to_the_maximum() {
        assert_eq!(check_for_ada("p9x-Tq7"), Err(Weakness::TooShort { min: 8 }));
        assert_eq!(check_for_ada("p9x-Tq7z"), Err(Weakness::Guessable));
        assert_eq!(check_for_ada("p9x-Tq7zK"), Ok(()));
        assert_eq!(check_for_ada(&"🔑☂é→µ".repeat(204)), Ok(()));
        assert_eq!(check_for_ada(&"x".repeat(1025)), Err(Weakness::TooLong));
    }

    #[test]
    fn no_composition_is_asked_for() {
        assert_eq!(check_for_ada("correct horse battery staple"), Ok(()));
        assert_eq!(check_for_ada("qzkvjxwpmfhgtbdlrycn"), Ok(()));
    }

    #[test]
    fn the_estimate_looks_at_a_bounded_start() {
        let strong = "p9x-Tq7zK";
        let within = format!("{}{strong}", "a".repeat(ESTIMATED - strong.len()));
        let beyond = format!("{}{strong}", "a".repeat(ESTIMATED));
        assert_eq!((check_for_ada(&within), check_for_ada(&beyond)), (Ok(()), Err(Weakness::Guessable)));
    }

    #[test]
    fn common_passwords_the_own_address_and_the_service_are_guessable() {
        for text in [
            "password1",
            "iloveyou2",
            "ada.lovelace@example.com",
            "ada.lovelace1",
            "lovelace1",
            "stead123",
            "aaaaaaaaaaaa",
        ] {
            assert_eq!(check_for_ada(text), Err(Weakness::Guessable), "{text}");
        }
    }
}
