//! What a key can hold, and how it is read from text.
//!
//! Every layer hands over text, so a value means the same in a file, in a variable and in a flag.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::base::secret::SecretKey;

/// A value that a key can hold.
pub(super) trait Setting: Sized {
    /// What the text has to be, to follow "is not".
    const WANTED: &'static str;

    fn parse(text: &str) -> Option<Self>;

    /// The text as people may see it.
    fn shown(text: &str) -> String {
        text.to_owned()
    }
}

/// The text is not what the type wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct Unreadable(pub(super) &'static str);

/// A setting whose text the standard library (or the type's own crate) reads.
macro_rules! plain {
    ($($kind:ty: $wanted:literal,)+) => {$(
        impl Setting for $kind {
            const WANTED: &'static str = $wanted;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}

plain!(
    bool: "`true` or `false`",
    u16: "a whole number from 0 to 65535",
    u32: "a whole number from 0 to 4294967295",
    usize: "a whole number",
    String: "text",
    PathBuf: "a path",
    IpAddr: "an IP address",
    SocketAddr: "an IP address with a port, such as 127.0.0.1:8081",
    IpNet: "an address range such as 10.0.0.0/8",
);

impl Setting for Duration {
    const WANTED: &'static str = "a time with its unit, such as 30s, 10m or 30d";

    fn parse(text: &str) -> Option<Self> {
        humantime::parse_duration(text).ok()
    }
}

impl Setting for SecretKey {
    const WANTED: &'static str = "32 bytes in base64";

    fn parse(text: &str) -> Option<Self> {
        Self::from_base64(text).ok()
    }

    fn shown(_: &str) -> String {
        "***".to_owned()
    }
}

/// Empty text is "not set".
impl<T: Setting> Setting for Option<T> {
    const WANTED: &'static str = T::WANTED;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }

    fn shown(text: &str) -> String {
        if text.is_empty() { String::new() } else { T::shown(text) }
    }
}

/// Comma separated.
impl<T: Setting> Setting for Vec<T> {
    const WANTED: &'static str = T::WANTED;

    fn parse(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::parse).collect()
    }
}

/// Declares a setting that is one of a few words.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$note])* $variant,)+
        }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::config::setting::Unreadable;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::config::setting::Unreadable(<Self as $crate::config::setting::Setting>::WANTED)),
                }
            }
        }

        impl $crate::config::setting::Setting for $name {
            const WANTED: &'static str = concat!("one of" $(, " `", $word, "`")+);

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    };
}

pub(super) use choice;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_unit() {
        assert_eq!(Duration::parse("0s"), Some(Duration::ZERO));
        assert_eq!(Duration::parse("10m"), Some(Duration::from_secs(600)));
        assert_eq!(Duration::parse("30d"), Some(Duration::from_secs(30 * 86_400)));
        for text in ["", "10", "-1s", "10 apples"] {
            assert_eq!(Duration::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn truth_is_spelt_strictly() {
        assert_eq!(bool::parse("true"), Some(true));
        for text in ["", "1", "yes", "True", " true"] {
            assert_eq!(bool::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let networks = Vec::<IpNet>::parse("10.0.0.0/8, fd00::/8,").unwrap();
        assert_eq!(networks, ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!(Vec::<IpNet>::parse(""), Some(Vec::new()));
        assert_eq!(Vec::<IpNet>::parse("10.0.0.0/8,nonsense"), None);
    }

    #[test]
    fn empty_text_is_not_set() {
        assert_eq!(Option::<u32>::parse(""), Some(None));
        assert_eq!(Option::<u32>::parse("8"), Some(Some(8)));
        assert_eq!(Option::<u32>::parse("many"), None);
    }
}
