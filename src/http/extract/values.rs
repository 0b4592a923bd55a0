//! The base floor's values as fields of a body. The base knows nothing of bodies, so that is said here.

use std::str::FromStr;

use deserr::{Deserr, IntoValue, Value, ValuePointerRef};

use super::fault::{Faults, Rule};
use super::text::InvalidText;
use crate::base::clock::{InvalidTimestamp, Timestamp};
use crate::base::email::{Email, InvalidEmail};
use crate::base::id::{SessionId, UserId};
use crate::base::language::{InvalidLanguage, Language};
use crate::base::secret::Password;

/// Makes types that parse themselves from text (`FromStr`, its error a [`Rule`]) fields of a body.
#[macro_export]
macro_rules! text_fields {
    ($($Type:ty),+ $(,)?) => {$(
        impl deserr::Deserr<$crate::http::extract::fault::Faults> for $Type {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                at: deserr::ValuePointerRef<'_>,
            ) -> Result<Self, $crate::http::extract::fault::Faults> {
                $crate::http::extract::values::from_text(value, at)
            }
        }
    )+};
}

text_fields!(Email, Timestamp, Language, UserId, SessionId);

/// Reads a text and parses it; its error is a fault of the field.
pub fn from_text<T, V>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<T, Faults>
where
    T: FromStr<Err: Rule>,
    V: IntoValue,
{
    let text = <String as Deserr<Faults>>::deserialize_from_value(value, at)?;
    text.parse().map_err(|rule| Faults::broken(rule, at))
}

/// Any text is a password here, up to a length; whether it is a good one is for the service that knows
/// the user.
impl Deserr<Faults> for Password {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Faults> {
        let password = String::deserialize_from_value(value, at).map(Self::new)?;
        if password.code_points() > Self::MAX_LENGTH {
            return Err(Faults::broken(InvalidText::TooLong(Self::MAX_LENGTH), at));
        }
        Ok(password)
    }
}

impl Rule for InvalidEmail {
    fn code(&self) -> &'static str {
        "invalid_email"
    }
}

impl Rule for InvalidTimestamp {
    fn code(&self) -> &'static str {
        "invalid_time"
    }
}

impl Rule for InvalidLanguage {
    fn code(&self) -> &'static str {
        "invalid_language"
    }
}

/// The error of every id.
impl Rule for uuid::Error {
    fn code(&self) -> &'static str {
        "invalid_id"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::Problem;

    #[derive(Deserr)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct Body {
        email: Email,
        password: Password,
        #[deserr(default)]
        at: Option<Timestamp>,
        #[deserr(default)]
        owner: Option<UserId>,
        #[deserr(default)]
        locale: Language,
    }

    #[test]
    fn base_values_are_fields_as_they_are() {
        let body = json!({"email": "Ada@Example.com", "password": " p ", "at": "2026-01-31T12:00:00+01:00",
                          "owner": "01981f3c-6d7a-7c4e-9b51-3a52c7e1b0aa", "locale": "zh"});
        let body: Body = deserr::deserialize::<_, _, Faults>(body).unwrap();
        assert_eq!((body.email.as_str(), body.password.expose()), ("ada@example.com", " p "));
        assert_eq!(body.at.unwrap().to_string(), "2026-01-31T11:00:00.000000Z");
        assert!(body.owner.is_some() && body.locale == Language::Chinese);
    }

    #[test]
    fn each_names_its_own_fault() {
        let body = json!({"email": "x", "password": 1, "at": "noon", "owner": "me", "locale": "fr"});
        let faults = deserr::deserialize::<Body, _, Faults>(body).err().unwrap();
        let body = Problem::from(faults).body(Language::English, "-", false);
        let mut found: Vec<_> =
            body.errors.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        found.sort();
        assert_eq!(
            found,
            [
                ("/at", "invalid_time"),
                ("/email", "invalid_email"),
                ("/locale", "invalid_language"),
                ("/owner", "invalid_id"),
                ("/password", "wrong_type")
            ]
        );
        assert!(body.errors.iter().all(|fault| !fault.message.starts_with("fault-")));
    }
}
