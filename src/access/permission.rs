//! Permissions: declared in code by the features, as types that a handler's signature names.

use std::sync::Arc;

use crate::http::feature::Declared;

/// One thing that a caller may be allowed to do. Declared with [`permission!`](crate::permission).
pub trait Permission: Send + Sync + 'static {
    /// `subject:verb`, as roles hold it and the OpenAPI document shows it.
    const NAME: &'static str;
    const DESCRIPTION: &'static str;
}

/// The permission as data, for [`Feature::permissions`](crate::http::feature::Feature::permissions).
pub const fn declared<P: Permission>() -> Declared {
    Declared { name: P::NAME, description: P::DESCRIPTION }
}

/// Every permission that a feature declares, by name. Clones share it.
#[derive(Clone, Debug)]
pub struct Catalogue(Arc<[Declared]>);

impl Catalogue {
    pub fn new(declared: impl IntoIterator<Item = Declared>) -> Self {
        let mut all: Vec<_> = declared.into_iter().collect();
        all.sort_by_key(|one| one.name);
        Self(all.into())
    }

    pub fn all(&self) -> &[Declared] {
        &self.0
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.binary_search_by_key(&name, |one| one.name).is_ok()
    }
}

/// Declares a permission: `permission!(pub ReadUsers = "users:read", "See every account");`
#[macro_export]
macro_rules! permission {
    ($vis:vis $name:ident = $text:literal, $description:literal) => {
        #[doc = $description]
        $vis struct $name;

        impl $crate::access::permission::Permission for $name {
            const NAME: &'static str = $text;
            const DESCRIPTION: &'static str = $description;
        }
    };
}

/// The role that holds every permission there is.
pub const ADMIN: &str = "admin";
/// The role of everyone who registers.
pub const USER: &str = "user";
