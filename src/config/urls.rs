//! Addresses: those that may carry a password, and those that may not.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use url::{Position, Url};

use super::setting::{Setting, Unreadable};

/// An address that may carry credentials: shown with all of them masked, wiped when dropped.
#[derive(Clone)]
pub struct SecretUrl(SecretString);

const MASK: &str = "***";

impl SecretUrl {
    /// The whole address, credentials included.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What stands before the first colon: `postgres`, `smtps`, `outbox`.
    pub fn scheme(&self) -> &str {
        self.expose().split(':').next().unwrap_or_default()
    }
}

impl FromStr for SecretUrl {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let url = Url::parse(text).map_err(|_| Unreadable(Self::WANTED))?;
        // The parser takes `SMTP://` too; nobody after it should have to.
        let is_lower = text.starts_with(url.scheme());
        is_lower.then(|| Self(text.into())).ok_or(Unreadable(Self::WANTED))
    }
}

impl Setting for SecretUrl {
    const WANTED: &'static str = "an address, SCHEME:… (percent-encode `:/?#[]@` in a password)";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn shown(text: &str) -> String {
        masked(text)
    }
}

/// The address of a web server. Credentials are refused: an address is shown and handed on.
impl Setting for Url {
    const WANTED: &'static str = "an http:// or https:// address without credentials, `?` and `#`";

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let is_bare = url.username().is_empty() && url.password().is_none();
        (is_bare && url.query().is_none() && url.fragment().is_none()).then_some(url)
    }

    fn shown(text: &str) -> String {
        <Self as Setting>::parse(text).map_or_else(|| masked(text), |_| text.to_owned())
    }
}

/// The address with its credentials masked; what cannot be taken apart is masked whole.
pub(super) fn masked(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return MASK.to_owned() };
    // An `@` out here is most likely the end of a password that should have been percent-encoded.
    if url[Position::BeforePath..].contains('@') {
        return format!("{}:{MASK}", url.scheme());
    }
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if !has_credentials && url.query().is_none() && url.fragment().is_none() {
        return text.to_owned();
    }
    let hidden = match url.password() {
        Some(_) => url.set_password(Some(MASK)),
        // A name without a password (a Sentry DSN) is itself the secret.
        None if has_credentials => url.set_username(MASK),
        None => Ok(()),
    };
    let masked = |part: Option<&str>| part.map(|_| MASK);
    let (query, fragment) = (masked(url.query()), masked(url.fragment()));
    url.set_query(query);
    url.set_fragment(fragment);
    hidden.map_or_else(|()| MASK.to_owned(), |()| url.into())
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.expose()))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_secret_stays_readable() {
        for (text, shown) in [
            ("sqlite://data/stead.db", "sqlite://data/stead.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("outbox:", "outbox:"),
            ("file:data/mail", "file:data/mail"),
            ("postgres://ada:hunter2@db:5432/stead", "postgres://ada:***@db:5432/stead"),
            ("postgres://db/stead?password=hunter2", "postgres://db/stead?***"),
            ("https://hunter2@sentry.example/1", "https://***@sentry.example/1"),
            ("smtps://ada%40b.example:hunter2@mail.example", "smtps://ada%40b.example:***@mail.example"),
        ] {
            assert_eq!(text.parse::<SecretUrl>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_password_that_was_not_encoded_is_hidden_all_the_same() {
        for text in [
            "postgres://u:12/hunter2@db/stead",
            "postgres://u:12#hunter2@db/stead",
            "postgres://u:hunter2/3@db/stead",
            "postgres://u:p@hunter2/3@db",
            "hunter2",
        ] {
            assert!(!masked(text).contains("hunter2"), "{} of {text}", masked(text));
        }
    }

    #[test]
    fn an_address_carries_no_credentials_and_never_shows_them() {
        assert!(Url::parse("https://api.example.com").is_ok());
        for text in ["https://u:hunter2@a.example", "ftp://a.example", "https://a.example?token=hunter2"] {
            assert_eq!(<Url as Setting>::parse(text), None, "{text:?}");
            assert!(!Url::shown(text).contains("hunter2"), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_password_is_ever_shown(password in "[ -~]{0,6}Zq7[ -~]{0,6}", scheme in "postgres|smtp|https") {
            let shown = masked(&format!("{scheme}://user:{password}@host/path"));
            prop_assert!(!shown.contains("Zq7"), "{}", shown);
        }
    }
}
