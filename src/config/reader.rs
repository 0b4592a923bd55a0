//! Reads settled layers into sections, gathering faults instead of stopping at the first.

use super::layers::Layers;
use super::report::{Entry, Fault, Origin};
use super::setting::Setting;

/// Reads one key after the other, and keeps the account of it.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    pub(super) entries: Vec<Entry>,
    pub(super) faults: Vec<Fault>,
}

/// A key, or a section of them.
pub(super) trait Read: Sized {
    /// `None` only if `config/default.toml` does not have the key, or has nonsense for it.
    fn read(reader: &mut Reader<'_>, path: &str) -> Option<Self>;
}

impl<T: Setting> Read for T {
    /// A faulty value is reported and its default read instead, so that all other rules are still checked.
    fn read(reader: &mut Reader<'_>, path: &str) -> Option<Self> {
        let Some(key) = reader.layers.get(path) else {
            let problem = "is not in config/default.toml";
            reader.faults.push(Fault::new(path, Origin::Default, problem, "write it there"));
            return None;
        };
        let (shown, default) = (T::shown(&key.text), key.default_text());
        let value = T::parse(&key.text);
        if value.is_none() {
            let problem = format!("is `{shown}`, which is not {}", T::WANTED);
            let suggestion = match default.as_str() {
                "" => "mend it, or leave it out".to_owned(),
                default => format!("mend it, or leave it out for `{}`", T::shown(default)),
            };
            reader.faults.push(Fault::new(path, key.origin.clone(), problem, suggestion));
        }
        reader.entries.push(Entry { path: path.to_owned(), value: shown, origin: key.origin.clone() });
        value.or_else(|| T::parse(&default))
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers) -> Self {
        Self { layers, entries: Vec::new(), faults: Vec::new() }
    }
}

/// Declares a section: a struct whose fields are keys of the same name. Wants `Read` and `Reader` in scope.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[$note])* pub $field: $kind,)+
        }

        impl Read for $name {
            fn read(reader: &mut Reader<'_>, path: &str) -> Option<Self> {
                let path = |field: &str| format!("{path}.{field}");
                Some(Self { $($field: Read::read(reader, &path(stringify!($field)))?,)+ })
            }
        }
    };
}

pub(super) use section;
