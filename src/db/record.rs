//! The base of every row: identity, times, version, and the four verbs that need no SQL of one's own.

use super::{DbError, Query, Row, Session, Tx, Value};
use crate::base::clock::Timestamp;

/// The columns that every record's table has.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Base<Id> {
    pub id: Id,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Raised by one with every change; what `If-Match` compares.
    pub version: i64,
}

impl<Id> Base<Id> {
    /// A record that starts now.
    pub fn new(id: Id, now: Timestamp) -> Self {
        Self { id, created_at: now, updated_at: now, version: 1 }
    }
}

/// The statements of one record's table, put together once.
pub struct Statements {
    find: String,
    insert: String,
    update: String,
    delete: String,
}

impl Statements {
    /// `columns` are those after `id`, `created_at`, `updated_at` and `version`.
    pub fn of(table: &'static str, columns: &[&'static str]) -> Self {
        let names: String = columns.iter().map(|c| format!(", {c}")).collect();
        let marks: String = (0..columns.len()).map(|i| format!(", ${}", i + 5)).collect();
        let sets: String = columns.iter().enumerate().map(|(i, c)| format!(", {c} = ${}", i + 4)).collect();
        Self {
            find: format!("SELECT id, created_at, updated_at, version{names} FROM {table} WHERE id = $1"),
            insert: format!(
                "INSERT INTO {table} (id, created_at, updated_at, version{names}) VALUES ($1, $2, $3, $4{marks})"
            ),
            update: format!(
                "UPDATE {table} SET updated_at = $3, version = version + 1{sets} WHERE id = $1 AND version = $2"
            ),
            delete: format!("DELETE FROM {table} WHERE id = $1"),
        }
    }
}

/// A row with an identity. Implemented by the [`record!`](crate::record) macro, one line per table.
pub trait Record: Row + Sized {
    type Id: Value + Copy + Send;

    fn statements() -> &'static Statements;
    fn base(&self) -> &Base<Self::Id>;
    fn base_mut(&mut self) -> &mut Base<Self::Id>;
    /// Binds the table's own columns, in their order.
    fn bind<'s, A>(&self, query: Query<'s, A>) -> Query<'s, A>;

    fn find(
        session: &mut Session,
        id: Self::Id,
    ) -> impl Future<Output = Result<Option<Self>, DbError>> + Send {
        session.query(&Self::statements().find).bind(id).fetch_optional()
    }

    /// Inserts the row as it is. [`DbError::Duplicate`] if the table's unique rule forbids it.
    fn insert(&self, tx: &mut Tx) -> impl Future<Output = Result<(), DbError>> {
        let base = self.base();
        let query = tx.query(&Self::statements().insert);
        let query = query.bind(base.id).bind(base.created_at).bind(base.updated_at).bind(base.version);
        let query = self.bind(query);
        async { query.execute().await.map(drop) }
    }

    /// Writes the row if nobody else has since it was read, and raises its version;
    /// [`DbError::Stale`] if somebody has.
    fn update(&mut self, tx: &mut Tx, now: Timestamp) -> impl Future<Output = Result<(), DbError>> {
        let base = self.base();
        let query = tx.query(&Self::statements().update).bind(base.id).bind(base.version).bind(now);
        let query = self.bind(query);
        async move {
            if query.execute().await? == 0 {
                return Err(DbError::Stale);
            }
            let base = self.base_mut();
            base.updated_at = now;
            base.version += 1;
            Ok(())
        }
    }

    /// Deletes the row; says whether there was one.
    fn delete(tx: &mut Tx, id: Self::Id) -> impl Future<Output = Result<bool, DbError>> {
        let query = tx.query(&Self::statements().delete).bind(id);
        async { Ok(query.execute().await? > 0) }
    }
}

/// Implements [`Record`] for a struct with a `base: Base<Id>` field:
/// `record!(User, UserId, "users", [email, status]);`
#[macro_export]
macro_rules! record {
    ($record:ty, $id:ty, $table:literal, [$($column:ident),+ $(,)?]) => {
        impl $crate::db::record::Record for $record {
            type Id = $id;

            fn statements() -> &'static $crate::db::record::Statements {
                static STATEMENTS: std::sync::LazyLock<$crate::db::record::Statements> =
                    std::sync::LazyLock::new(|| {
                        $crate::db::record::Statements::of($table, &[$(stringify!($column)),+])
                    });
                &STATEMENTS
            }

            fn base(&self) -> &$crate::db::record::Base<$id> {
                &self.base
            }

            fn base_mut(&mut self) -> &mut $crate::db::record::Base<$id> {
                &mut self.base
            }

            fn bind<'s, A>(&self, query: $crate::db::Query<'s, A>) -> $crate::db::Query<'s, A> {
                query$(.bind(&self.$column))+
            }
        }
    };
}
