//! What is done with roles. Handlers, commands and tests call the same.

use std::collections::BTreeSet;

use axum::extract::FromRef;

use super::error::RolesError;
use super::model::{Definition, Held, Role};
use super::store;
use crate::access::audit::Action;
use crate::access::origin::Origin;
use crate::access::permission::ADMIN;
use crate::access::principal::{Actor, Grants, Principal};
use crate::db::{DbError, Tx};
use crate::http::etag::IfMatch;
use crate::http::feature::Declared;
use crate::http::idempotency::{Answer, Once};
use crate::http::page::{Limit, Page};
use crate::http::reply::Created;
use crate::state::AppState;

/// The service of roles.
#[derive(Clone)]
pub struct Roles(AppState);

impl FromRef<AppState> for Roles {
    fn from_ref(state: &AppState) -> Self {
        Self(state.clone())
    }
}

/// A role to be made.
pub struct NewRole {
    /// As a [`RoleName`](super::model::RoleName) has it.
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
}

/// What to change of a role; absent is unchanged.
#[derive(Default)]
pub struct Changes {
    pub description: Option<String>,
    pub permissions: Option<Vec<String>>,
}

/// Which page of a list that has no filters.
#[derive(Default)]
pub struct PageOf {
    pub limit: Limit,
    pub cursor: Option<String>,
    pub include_total: bool,
}

const ROLES: &str = "roles";
const PERMISSIONS: &str = "permissions";

impl Roles {
    /// One page of roles by name, with a cursor to the next.
    pub async fn list(&self, page: PageOf) -> Result<Page<Held>, RolesError> {
        let after = self.position(ROLES, page.cursor)?;
        let mut db = self.0.db.read().await?;
        let rows = store::list(&mut db, after.as_deref(), page.limit.probe()).await?;
        let mut cut = Page::cut(rows, page.limit, |last| self.cursor(ROLES, &last.name))?;
        if page.include_total {
            cut.total = Some(store::count(&mut db).await?);
        }
        let names = cut.items.iter().map(|role| role.name.as_str());
        let mut permissions = store::permissions_of(&mut db, names).await?;
        Ok(cut.map(|role| self.held(permissions.remove(&role.name).unwrap_or_default(), role)))
    }

    /// One page of all permissions there are, by name.
    pub fn permissions(&self, page: PageOf) -> Result<Page<Declared>, RolesError> {
        let after = self.position(PERMISSIONS, page.cursor)?.unwrap_or_default();
        let all = self.0.permissions.all();
        let rest = all.iter().filter(|one| one.name > after.as_str()).copied();
        let rows = rest.take(page.limit.get() + 1).collect();
        let mut cut = Page::cut(rows, page.limit, |last: &Declared| self.cursor(PERMISSIONS, last.name))?;
        cut.total = page.include_total.then(|| i64::try_from(all.len()).unwrap_or(i64::MAX));
        Ok(cut)
    }

    pub async fn get(&self, name: &str) -> Result<Held, RolesError> {
        let mut db = self.0.db.read().await?;
        let role = store::find(&mut db, name).await?.ok_or(RolesError::NotFound)?;
        let permissions = store::permissions_of(&mut db, [name].into_iter()).await?.remove(name);
        Ok(self.held(permissions.unwrap_or_default(), role))
    }

    /// Makes a role that permits nothing that the actor may not.
    pub async fn create(&self, new: NewRole, actor: Actor<'_>) -> Result<Held, RolesError> {
        let mut tx = self.0.db.write().await?;
        let role = self.make(&mut tx, new, actor).await?;
        tx.commit().await?;
        Ok(role)
    }

    /// The same for a request that may come twice.
    pub async fn create_once(
        &self,
        new: NewRole,
        caller: &Principal,
        origin: &Origin,
        once: Once,
    ) -> Result<Answer, RolesError> {
        let actor = Actor { principal: Some(caller), origin };
        let effect = async |tx: &mut Tx| {
            let role = self.make(tx, new, actor).await?;
            let location = format!("/api/v1/roles/{}", role.definition.name);
            Ok(Created { location, tag: role.tag(), body: Role::from(role) })
        };
        self.0.idempotency.once(once, caller.user, effect).await
    }

    async fn make(&self, tx: &mut Tx, new: NewRole, actor: Actor<'_>) -> Result<Held, RolesError> {
        self.0.access.confirm(tx, actor).await?;
        let permissions = self.grantable(new.permissions, actor)?;
        let role = Definition { name: new.name, description: new.description, built_in: false, version: 1 };
        match store::insert(tx, &role).await {
            Err(DbError::Duplicate(_)) => return Err(RolesError::Taken),
            inserted => inserted?,
        }
        store::replace_permissions(tx, &role.name, &permissions).await?;
        self.record(tx, Action::RoleCreated, &role.name, actor).await?;
        Ok(self.held(permissions, role))
    }

    /// Changes a role, for everyone who holds it: here at once, and within a second everywhere.
    pub async fn update(
        &self,
        name: &str,
        changes: Changes,
        if_match: &IfMatch,
        actor: Actor<'_>,
    ) -> Result<Held, RolesError> {
        let wanted = changes.permissions.map(|names| self.grantable(names, actor)).transpose()?;
        let mut tx = self.0.db.write().await?;
        let Held { definition: mut role, mut permissions } =
            self.reach(&mut tx, name, if_match, actor).await?;
        role.description = changes.description.unwrap_or(role.description);
        if let Some(wanted) = wanted {
            store::replace_permissions(&mut tx, name, &wanted).await?;
            permissions = wanted;
        }
        store::save(&mut tx, &mut role).await?;
        self.record(&mut tx, Action::RoleUpdated, name, actor).await?;
        tx.commit().await?;
        Ok(self.held(permissions, role))
    }

    /// Deletes a role that nobody holds; deleted accounts lose it.
    pub async fn delete(&self, name: &str, if_match: &IfMatch, actor: Actor<'_>) -> Result<(), RolesError> {
        let mut tx = self.0.db.write().await?;
        self.reach(&mut tx, name, if_match, actor).await?;
        store::take_from_deleted(&mut tx, name).await?;
        let holders = store::holders(&mut tx, name).await?;
        if holders > 0 {
            return Err(RolesError::StillHeld(holders));
        }
        match store::delete(&mut tx, name).await {
            // Somebody was given it between the count and this.
            Err(DbError::Dangling(_)) => return Err(RolesError::StillHeld(1)),
            deleted => deleted?,
        }
        self.record(&mut tx, Action::RoleDeleted, name, actor).await?;
        Ok(tx.commit().await?)
    }

    /// A role that can be changed, and that permits nothing that the actor may not. It stays locked until
    /// the commit.
    async fn reach(
        &self,
        tx: &mut Tx,
        name: &str,
        if_match: &IfMatch,
        actor: Actor<'_>,
    ) -> Result<Held, RolesError> {
        store::lock(tx, name).await?;
        self.0.access.confirm(tx, actor).await?;
        let definition = store::find(tx, name).await?.ok_or(RolesError::NotFound)?;
        if definition.built_in {
            return Err(RolesError::BuiltIn);
        }
        let permissions = store::permissions_of(tx, [name].into_iter()).await?.remove(name);
        let permissions = permissions.unwrap_or_default();
        if !actor.covers(&Grants::of_permissions(permissions.clone())) {
            return Err(RolesError::Beyond);
        }
        if_match.check(definition.version).map_err(RolesError::Refused)?;
        Ok(Held { definition, permissions })
    }

    /// Permissions that exist and that the actor holds.
    fn grantable(&self, names: Vec<String>, actor: Actor<'_>) -> Result<BTreeSet<String>, RolesError> {
        let numbered = names.iter().cloned().enumerate();
        let unknown: Vec<_> = numbered.filter(|(_, name)| !self.0.permissions.contains(name)).collect();
        if !unknown.is_empty() {
            return Err(RolesError::Unknown(unknown));
        }
        match actor.covers(&Grants::of_permissions(names.clone())) {
            true => Ok(names.into_iter().collect()),
            false => Err(RolesError::Beyond),
        }
    }

    /// What `admin` permits is computed: all there is.
    fn held(&self, permissions: BTreeSet<String>, definition: Definition) -> Held {
        let all = || self.0.permissions.all().iter().map(|one| one.name.to_owned()).collect();
        let permissions = if definition.name == ADMIN { all() } else { permissions };
        Held { definition, permissions }
    }

    fn position(&self, list: &str, cursor: Option<String>) -> Result<Option<String>, RolesError> {
        let decode = |cursor: String| self.0.cursors.decode(list, &(), &cursor);
        cursor.map(decode).transpose().map_err(RolesError::Refused)
    }

    fn cursor(&self, list: &str, last: &str) -> Result<String, crate::base::keyring::NoKey> {
        self.0.cursors.encode(list, &(), &last)
    }

    async fn record(&self, tx: &mut Tx, action: Action, role: &str, actor: Actor<'_>) -> Result<(), DbError> {
        self.0.audit.record_role(tx, action, actor.id(), role, actor.origin).await
    }
}
