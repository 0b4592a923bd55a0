//! Fields of a JSON Merge Patch (RFC 7396): absent, null, or a value.

use deserr::{DeserializeError, Deserr, IntoValue, Value, ValuePointerRef};

/// A field that may be left as it is, cleared, or set.
///
/// Declare it with `#[deserr(default)]` and, for the documents, `#[schema(value_type = Option<T>)]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<T> Patch<T> {
    /// The same patch of a field that holds the value in another form.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(f(value)),
        }
    }

    /// What the field holds after the patch.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<T: Deserr<E>, E: DeserializeError> Deserr<E> for Patch<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, E> {
        match value {
            Value::Null => Ok(Self::Null),
            value => T::deserialize_from_value(value, at).map(Self::Value),
        }
    }
}

/// A field that may be left as it is or set, but never cleared: `null` is a fault.
///
/// Declare it with `#[deserr(default)]` and, for the documents,
/// `#[schema(value_type = T, required = false)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<T>(pub Option<T>);

impl<T> Change<T> {
    /// The same change of a field that holds the value in another form.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        Change(self.0.map(f))
    }

    /// What the field holds after the patch.
    pub fn apply(self, current: T) -> T {
        self.0.unwrap_or(current)
    }
}

impl<T> Default for Change<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Deserr<E>, E: DeserializeError> Deserr<E> for Change<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, E> {
        T::deserialize_from_value(value, at).map(|value| Self(Some(value)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::PartialSchema;

    use super::*;
    use crate::http::extract::{Faults, Text};

    #[derive(Debug, PartialEq, Deserr, utoipa::ToSchema)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct Edit {
        #[deserr(default)]
        #[schema(value_type = Option<Text<1, 9>>)]
        name: Patch<Text<1, 9>>,
        #[deserr(default)]
        #[schema(value_type = u8, required = false)]
        size: Change<u8>,
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let read = |body| deserr::deserialize::<Edit, _, Faults>(body);
        assert_eq!(read(json!({})).unwrap(), Edit { name: Patch::Absent, size: Change(None) });
        assert_eq!(read(json!({"name": null})).unwrap().name, Patch::Null);
        assert_eq!(read(json!({"name": "x", "size": 3})).unwrap().size, Change(Some(3)));
        assert!(read(json!({"size": null})).is_err());
        assert!(read(json!({"name": ""})).is_err());
    }

    #[test]
    fn a_patch_leaves_clears_or_sets() {
        assert_eq!(Patch::Absent.apply(Some(1)), Some(1));
        assert_eq!(Patch::Null.apply(Some(1)), None);
        assert_eq!(Patch::Value(2).apply(Some(1)), Some(2));
        assert_eq!((Change(None).apply(1), Change(Some(2)).apply(1)), (1, 2));
    }

    #[test]
    fn the_documents_show_no_field_as_required_and_only_a_clearable_one_as_nullable() {
        let schema = serde_json::to_value(Edit::schema()).unwrap();
        assert_eq!(schema.get("required"), None);
        let text = json!({"$ref": "#/components/schemas/Text1To9"});
        assert_eq!(schema["properties"]["name"]["oneOf"], json!([text, {"type": "null"}]));
        assert_eq!(schema["properties"]["size"]["type"], json!("integer"));
    }
}
