//! Bodies in which somebody chooses a password: a weak one is told together with all that is wrong.

use axum::extract::{FromRef, FromRequest, Request};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde_json::Value as Document;

use super::service::Users;
use crate::access::strength::Weakness;
use crate::base::language::Arg;
use crate::base::secret::Password;
use crate::http::extract::{Faults, Json, Rule};
use crate::http::feature::Argument;
use crate::http::{Code, Problem};

/// A body with a password to be.
pub trait Choice: Deserr<Faults> + Send {
    /// The field of the password.
    const FIELD: &'static str;
}

/// Reads a body with a new password. How strong it is takes the hash threads to say: the service asks
/// them about a sound body; about one with other faults they are asked here.
pub struct Chosen<T>(pub T);

impl<T> Argument for Chosen<T> {
    const ERRORS: &'static [Code] = <Json<T> as Argument>::ERRORS;
}

impl<T: Choice, S: Send + Sync> FromRequest<S> for Chosen<T>
where
    Users: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(Draft { body, password, email }) = Json::<Draft<T>>::from_request(request, state).await?;
        let faults = match body {
            Ok(body) => return Ok(Self(body)),
            Err(faults) => faults,
        };
        let pointer = format!("/{}", T::FIELD);
        // What is wrong with the password itself is said already.
        let Some(password) = password.filter(|_| !faults.blame(&pointer)) else { return Err(faults.into()) };
        let users = Users::from_ref(state);
        // An address that is none, and a queue that is full, leave it at what is known.
        match users.weakness(password, email.and_then(|email| email.parse().ok())).await {
            Some(weakness) => Err(faults.and(Weak { pointer, weakness }).into()),
            None => Err(faults.into()),
        }
    }
}

/// A body, or what is wrong with it, and what the strength of its password is measured by.
struct Draft<T> {
    body: Result<T, Faults>,
    password: Option<Password>,
    email: Option<String>,
}

impl<T: Choice> Deserr<Faults> for Draft<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Faults> {
        let value = <Document as Deserr<Faults>>::deserialize_from_value(value, at)?;
        let text = |field: &str| value.get(field).and_then(Document::as_str).map(str::to_owned);
        let (password, email) = (text(T::FIELD).map(Password::new), text("email"));
        Ok(Self { body: T::deserialize_from_value(value.into_value(), at), password, email })
    }
}

/// A weak password, among other faults.
struct Weak {
    pointer: String,
    weakness: Weakness,
}

impl Rule for Weak {
    fn code(&self) -> &'static str {
        self.weakness.code()
    }

    fn args(&self) -> Vec<(&'static str, Arg)> {
        self.weakness.args()
    }

    fn pointer(&self) -> Option<&str> {
        Some(&self.pointer)
    }
}
