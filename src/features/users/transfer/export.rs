//! All accounts, page by page, as a file that can be imported elsewhere.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};
use serde::Serialize;

use super::row::BETWEEN_ROLES;
use super::{Format, store};
use crate::access::audit::Action;
use crate::access::principal::{Actor, Status};
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::base::language::Language;
use crate::db::DbError;
use crate::features::users::model::{Person, User};
use crate::features::users::service::Users;
use crate::features::users::store::roles_of;

/// How accounts are written down.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    pub format: Format,
    /// Whether everybody's password hash goes with them.
    pub with_hashes: bool,
    /// Whether cells that a spreadsheet would take for a formula get an apostrophe in front.
    pub for_spreadsheets: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the accounts cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// An account as a line of NDJSON.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    user: User,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<Option<String>>,
}

impl Users {
    /// Writes every account that is not deleted, by id; says how many there were. Accounts that are
    /// made meanwhile are there or not; none is there twice.
    pub async fn export_everyone(
        &self,
        export: Export,
        actor: Actor<'_>,
        out: &mut (dyn Write + Send),
    ) -> Result<u64, ExportError> {
        // Before the first of them leaves.
        let mut tx = self.0.db.write().await?;
        self.0.audit.record(&mut tx, Action::UsersExported, actor.id(), None, actor.origin).await?;
        tx.commit().await?;
        out.write_all(&header(export)?)?;
        let (mut after, mut written) = (None, 0);
        loop {
            let page = self.exported_page(after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.account.base.id);
            for person in page {
                out.write_all(&line(person, export)?)?;
                written += 1;
            }
        }
        out.flush()?;
        Ok(written)
    }

    async fn exported_page(&self, after: Option<UserId>) -> Result<Vec<Person>, DbError> {
        let mut db = self.0.db.read().await?;
        let accounts = store::page(&mut db, after, i64::try_from(store::ROWS).unwrap_or(i64::MAX)).await?;
        let ids: Vec<UserId> = accounts.iter().map(|account| account.base.id).collect();
        let mut roles = roles_of(&mut db, &ids).await?;
        let mut roles = |id| roles.remove(&id).unwrap_or_default();
        Ok(accounts.into_iter().map(|account| Person { roles: roles(account.base.id), account }).collect())
    }
}

fn header(export: Export) -> io::Result<Vec<u8>> {
    let columns = [
        "id",
        "email",
        "email_verified",
        "display_name",
        "locale",
        "status",
        "roles",
        "created_at",
        "updated_at",
        "last_login_at",
    ];
    match export.format {
        Format::Csv => record(columns.into_iter().chain(export.with_hashes.then_some("password_hash"))),
        Format::Ndjson => Ok(Vec::new()),
    }
}

fn line(person: Person, export: Export) -> io::Result<Vec<u8>> {
    let hash = person.account.password_hash.clone().map(|hash| hash.0);
    let user = User::from(person);
    if export.format == Format::Ndjson {
        let password_hash = export.with_hashes.then_some(hash);
        let mut line = serde_json::to_vec(&Line { user, password_hash })?;
        line.push(b'\n');
        return Ok(line);
    }
    let cells = cells(user);
    let hash = export.with_hashes.then(|| hash.unwrap_or_default());
    record(cells.into_iter().chain(hash).map(|cell| match export.for_spreadsheets {
        true => harmless(cell),
        false => cell,
    }))
}

fn cells(user: User) -> [String; 10] {
    let status = match user.status {
        Status::Pending => "pending",
        Status::Active => "active",
        Status::Suspended => "suspended",
        Status::Deleted => "deleted",
    };
    let mut roles = String::new();
    for role in &user.roles {
        if !roles.is_empty() {
            roles.push(BETWEEN_ROLES);
        }
        roles.push_str(role);
    }
    [
        user.id.to_string(),
        user.email.as_str().to_owned(),
        user.email_verified.to_string(),
        user.display_name.unwrap_or_default(),
        user.locale.map_or("", Language::tag).to_owned(),
        status.to_owned(),
        roles,
        user.created_at.to_string(),
        user.updated_at.to_string(),
        user.last_login_at.map_or_else(String::new, |at: Timestamp| at.to_string()),
    ]
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: String) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell,
    }
}

/// A line of CSV (RFC 4180 §2), its end included.
fn record(cells: impl Iterator<Item = impl AsRef<[u8]>>) -> io::Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().map_err(|error| error.into_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_spreadsheet_would_compute_is_changed_for_it() {
        for (cell, shown) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-1", "'-1"),
            ("+1", "'+1"),
            ("Ada", "Ada"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell.into()), shown);
        }
    }
}
