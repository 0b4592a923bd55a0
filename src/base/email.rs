//! E-mail addresses, in the one form in which they are stored, compared and written to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// An address in canonical form: an ASCII local part in lower case, an IDNA domain in lower case.
///
/// Look-alikes (`K` as U+212A, a full-width `＠`, `ı`) either fold to one ASCII form here or are
/// refused, so two spellings can never be two accounts with one mailbox. Mail goes to this form only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type, utoipa::ToSchema)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(value_type = String, format = Email, max_length = 254, example = "ada@example.com")]
pub struct Email(String);

/// The text is not an e-mail address (RFC 5321 §4.1.2, dot-atom form).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

/// RFC 5321 §4.5.3.1: octets of the local part, and of a path without its brackets.
const MAX_LOCAL: usize = 64;
const MAX_ADDRESS: usize = 254;

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let (local, domain) = text.trim_ascii().rsplit_once('@').ok_or(InvalidEmail)?;
        if !is_dot_atom(local) || local.len() > MAX_LOCAL || domain.len() > 4 * MAX_ADDRESS {
            return Err(InvalidEmail);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
        let address = format!("{}@{domain}", local.to_ascii_lowercase());
        let is_host = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
        let ends_in_name =
            domain.rsplit('.').next().is_some_and(|tld| !tld.bytes().all(|b| b.is_ascii_digit()));
        (is_host && ends_in_name && address.len() <= MAX_ADDRESS).then_some(Self(address)).ok_or(InvalidEmail)
    }
}

fn is_dot_atom(local: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address is personal data: logs get its first letter and its domain.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit('@').next().unwrap_or_default();
        write!(f, "{}…@{domain}", self.0.chars().next().unwrap_or('?'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> Option<String> {
        text.parse::<Email>().ok().map(|e| e.to_string())
    }

    #[test]
    fn case_and_surrounding_space_do_not_make_another_address() {
        assert_eq!(canonical(" Ada.Lovelace@Example.COM "), canonical("ada.lovelace@example.com"));
    }

    #[test]
    fn an_international_domain_is_stored_in_its_ascii_form() {
        assert_eq!(canonical("a@bücher.example").as_deref(), Some("a@xn--bcher-kva.example"));
    }

    #[test]
    fn look_alikes_and_control_characters_are_refused() {
        for text in [
            "\u{212A}elvin@example.com",
            "ad\u{131}@example.com",
            "ada\u{FF20}example.com",
            "ada\u{A0}@example.com",
            "ada@example.com\r\nBcc: x@example.com",
            "a b@example.com",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b.example",
            "a@b",
            "a@@b.example",
            ".a@b.example",
            "a..b@b.example",
            "a@b..example",
            "a@-b.example",
            "a@1.2.3.4",
            "a@[::1]",
            "\"a\"@b.example",
        ] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
        assert_eq!(canonical(&format!("{}@b.example", "a".repeat(65))), None);
        assert_eq!(canonical(&format!("a@{}.example", "b.".repeat(200))), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_the_canonical_form_is_a_fixed_point(text in ".{0,80}") {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert_eq!(email.as_str().parse::<Email>().unwrap(), email);
            }
        }
    }
}
