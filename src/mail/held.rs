//! What mails hold about a person: what waits to be sent, and the links that are good still.

use serde::Serialize;

use super::outbox::{Outbox, OutboxError, State};
use super::purpose::Purpose;
use crate::base::clock::Timestamp;
use crate::base::email::Email;
use crate::base::id::UserId;
use crate::db::{DbError, Session, Tx};

/// A mail that was not sent yet: what kind of letter it is, and whom it goes to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Pending {
    #[schema(example = "verify-email")]
    pub letter: &'static str,
    pub to: Email,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub created_at: Timestamp,
}

/// A link that was sent and is good still. The token in it is known to its reader only.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Link {
    /// `verify_email`, `change_email`, `reset_password`, `invitation` or `way_back`.
    #[schema(example = "verify_email")]
    pub purpose: String,
    pub email: Email,
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000000Z")]
    pub expires_at: Timestamp,
}

impl Outbox {
    /// The mails about `user` that wait to be sent, oldest first.
    pub async fn pending(&self, db: &mut Session, user: UserId) -> Result<Vec<Pending>, OutboxError> {
        let rows: Vec<(Timestamp, Vec<u8>)> = db
            .query(
                "SELECT created_at, sealed FROM outbox
                 WHERE subject_id = $1 AND state = $2 AND expires_at > $3 AND sealed IS NOT NULL
                 ORDER BY created_at, id",
            )
            .bind(user)
            .bind(State::Queued)
            .bind(self.clock.now())
            .fetch_all()
            .await?;
        let read = |(created_at, sealed): (Timestamp, Vec<u8>)| {
            let mail = self.unseal(&sealed)?;
            Some(Pending { letter: mail.letter.id(), to: mail.to, created_at })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

/// The links to `user` that are good now, those that end first first.
pub async fn links(db: &mut Session, user: UserId, now: Timestamp) -> Result<Vec<Link>, DbError> {
    let mailed: Vec<(Purpose, Email, Timestamp)> = db
        .query("SELECT purpose, email, expires_at FROM mail_tokens WHERE user_id = $1 AND expires_at > $2")
        .bind(user)
        .bind(now)
        .fetch_all()
        .await?;
    let back: Vec<(Email, Timestamp)> = db
        .query("SELECT email, expires_at FROM ways_back WHERE user_id = $1 AND expires_at > $2")
        .bind(user)
        .bind(now)
        .fetch_all()
        .await?;
    let link = |purpose: &str, (email, expires_at)| Link { purpose: purpose.to_owned(), email, expires_at };
    let mut links: Vec<_> = mailed.into_iter().map(|(p, email, at)| link(p.name(), (email, at))).collect();
    links.extend(back.into_iter().map(|way| link("way_back", way)));
    links.sort_by_key(|link| link.expires_at);
    Ok(links)
}

/// Deletes the mails about `user`, sent or not.
pub async fn forget(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.query("DELETE FROM outbox WHERE subject_id = $1").bind(user).execute().await.map(drop)
}
