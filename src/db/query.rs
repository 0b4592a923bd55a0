//! One statement, for whichever database the session speaks to.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, FromRow, Postgres, SqlSafeStr, SqlStr, Sqlite, Type};

use super::connection::Connection;
use super::driver::Driver;
use super::error::DbError;
use super::watch::Watch;

/// A value that both databases store: the only kind that can be bound.
pub trait Value:
    for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres>
{
}

impl<T> Value for T where
    T: for<'q> Encode<'q, Sqlite> + Type<Sqlite> + for<'q> Encode<'q, Postgres> + Type<Postgres>
{
}

/// A type that can be read from a row of either database; `#[derive(sqlx::FromRow)]` gives it.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Marks a statement started on a [`Session`](super::session::Session).
pub struct ReadOnly;
/// Marks a statement started on a [`Tx`](super::Tx).
pub struct ReadWrite;

enum Arguments {
    Sqlite(SqliteArguments),
    Postgres(PgArguments),
}

/// A statement being put together: fixed text, bound values.
pub struct Query<'s, Access> {
    connection: Connection<'s>,
    watch: Watch<'s>,
    sql: Cow<'static, str>,
    arguments: Arguments,
    bound: usize,
    fault: Option<BoxDynError>,
    access: PhantomData<Access>,
}

/// Runs one sqlx call on the driver in hand.
macro_rules! on_driver {
    ($query:ident, $make:ident, $call:ident) => {{
        if let Some(fault) = $query.fault {
            return Err(DbError::Failed(sqlx::Error::Encode(fault)));
        }
        let (sql, watch) = (sql_str($query.sql), $query.watch);
        let text = sql.clone();
        let text = text.as_str();
        match ($query.connection, $query.arguments) {
            (Connection::Sqlite(c), Arguments::Sqlite(a)) => {
                let call = sqlx::$make(sql, a).$call(c);
                watch.statement(Driver::Sqlite, text, call).await?.into()
            }
            (Connection::Postgres(c, silence), Arguments::Postgres(a)) => {
                let call = silence.end(sqlx::$make(sql, a).$call(c));
                watch.statement(Driver::Postgres, text, call).await?.into()
            }
            (Connection::Pooled(c, silence), Arguments::Postgres(a)) => {
                let call = silence.end(sqlx::$make(sql, a).persistent(false).$call(c));
                watch.statement(Driver::Postgres, text, call).await?.into()
            }
            _ => return Err(DbError::Failed(sqlx::Error::Protocol("arguments of another driver".into()))),
        }
    }};
}

impl<'s, Access> Query<'s, Access> {
    pub(super) fn new(connection: Connection<'s>, watch: Watch<'s>, sql: &'static str) -> Self {
        let arguments = match connection {
            Connection::Sqlite(_) => Arguments::Sqlite(SqliteArguments::default()),
            Connection::Postgres(..) | Connection::Pooled(..) => Arguments::Postgres(PgArguments::default()),
        };
        let sql = Cow::Borrowed(sql);
        Self { connection, watch, sql, arguments, bound: 0, fault: None, access: PhantomData }
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: impl Value) -> Self {
        let added = match &mut self.arguments {
            Arguments::Sqlite(a) => a.add(value),
            Arguments::Postgres(a) => a.add(value),
        };
        self.bound += 1;
        self.fault = self.fault.or(added.err());
        self
    }

    /// Appends a fixed piece of SQL. Every `$?` in it stands for the next parameter to be bound.
    pub fn push(mut self, piece: &'static str) -> Self {
        let sql = self.sql.to_mut();
        for (i, part) in piece.split("$?").enumerate() {
            if i > 0 {
                sql.push_str(&format!("${}", self.bound + i));
            }
            sql.push_str(part);
        }
        self
    }

    /// Exactly one row; none is an error of ours.
    pub async fn fetch_one<T: Row>(self) -> Result<T, DbError> {
        self.fetch_optional().await?.ok_or(DbError::Failed(sqlx::Error::RowNotFound))
    }

    pub async fn fetch_optional<T: Row>(self) -> Result<Option<T>, DbError> {
        Ok(on_driver!(self, query_as_with, fetch_optional))
    }

    pub async fn fetch_all<T: Row>(self) -> Result<Vec<T>, DbError> {
        Ok(on_driver!(self, query_as_with, fetch_all))
    }

    /// How the database would go about it, a line for each step, in its own words.
    pub async fn explain(mut self) -> Result<Vec<String>, DbError> {
        let is_sqlite = matches!(self.connection, Connection::Sqlite(_));
        let verb = if is_sqlite { "EXPLAIN QUERY PLAN " } else { "EXPLAIN " };
        self.sql.to_mut().insert_str(0, verb);
        if is_sqlite {
            let steps: Vec<(i64, i64, i64, String)> = self.fetch_all().await?;
            return Ok(steps.into_iter().map(|(_, _, _, step)| step).collect());
        }
        Ok(self.fetch_all().await?.into_iter().map(|(step,)| step).collect())
    }
}

impl Query<'_, ReadWrite> {
    /// Runs a statement that writes; says how many rows it touched.
    pub async fn execute(self) -> Result<u64, DbError> {
        let touched: Touched = on_driver!(self, query_with, execute);
        Ok(touched.0)
    }
}

struct Touched(u64);

impl From<sqlx::sqlite::SqliteQueryResult> for Touched {
    fn from(result: sqlx::sqlite::SqliteQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

impl From<sqlx::postgres::PgQueryResult> for Touched {
    fn from(result: sqlx::postgres::PgQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

/// Safe: `sql` is put together from `'static` pieces only; values are always bound.
fn sql_str(sql: Cow<'static, str>) -> SqlStr {
    match sql {
        Cow::Borrowed(text) => text.into_sql_str(),
        Cow::Owned(text) => AssertSqlSafe(Arc::<str>::from(text)).into_sql_str(),
    }
}
