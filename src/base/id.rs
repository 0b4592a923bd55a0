//! Identifiers: UUIDv7 (RFC 9562 §5.7), a type of its own for each kind of thing.

use uuid::{Builder, Uuid};

use super::clock::Clock;
use super::random::Random;

/// A fresh UUIDv7 from the injected clock and randomness.
pub fn fresh(clock: &Clock, random: &Random) -> Uuid {
    let millis = u64::try_from(clock.now().micros() / 1000).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &random.bytes()).into_uuid()
}

/// Declares an identifier: a UUID that cannot be mistaken for another kind's.
#[macro_export]
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type, utoipa::ToSchema)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        #[schema(value_type = String, format = Uuid, example = "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa")]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            pub fn fresh(clock: &$crate::base::clock::Clock, random: &$crate::base::random::Random) -> Self {
                Self($crate::base::id::fresh(clock, random))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id_type!(
    /// A person's account.
    UserId
);
id_type!(
    /// One sign-in on one device, from login to logout.
    SessionId
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    #[test]
    fn ids_made_later_sort_later() {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000).unwrap());
        let random = Random::seeded(1);
        let first = UserId::fresh(&clock, &random);
        clock.advance(std::time::Duration::from_millis(1));
        assert!(first < UserId::fresh(&clock, &random));
    }

    #[test]
    fn an_id_is_a_version_7_uuid() {
        let id = fresh(&Clock::system(), &Random::system());
        assert_eq!(id.get_version_num(), 7);
    }
}
