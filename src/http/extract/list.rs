//! A list in a body, of so many entries at most.

use deserr::{Deserr, IntoValue, Sequence, Value, ValuePointerRef};

use super::fault::{Faults, Rule};
use crate::base::language::Arg;

/// At most `MAX` entries, in the order in which they came.
///
/// For the documents: `#[schema(value_type = Vec<T>, max_items = MAX)]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtMost<T, const MAX: usize>(pub Vec<T>);

struct TooMany(usize);

impl Rule for TooMany {
    fn code(&self) -> &'static str {
        "too_many"
    }

    fn args(&self) -> Vec<(&'static str, Arg)> {
        vec![("max", self.0.into())]
    }
}

/// A longer list is refused before any of it is read.
impl<T: Deserr<Faults>, const MAX: usize> Deserr<Faults> for AtMost<T, MAX> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Faults> {
        match value {
            Value::Sequence(entries) if entries.len() > MAX => Err(Faults::broken(TooMany(MAX), at)),
            value => Vec::deserialize_from_value(value, at).map(Self),
        }
    }
}

impl<T, const MAX: usize> Default for AtMost<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
