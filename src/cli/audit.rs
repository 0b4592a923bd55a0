//! `stead audit`: what happened, from the same rows as `GET /api/v1/audit-events`.

use clap::Args;

use super::context::{block_on, open};
use super::failure::Failure;
use super::rows::Rows;
use crate::access::audit::{self, Action, Filter, Position};
use crate::base::clock::Timestamp;
use crate::base::id::UserId;
use crate::config::Config;
use crate::db::Db;
use crate::features::audit::AuditEvent;

#[derive(Args)]
#[command(
    after_help = "Example: stead audit --action login_failed --after 2026-11-23T00:00:00Z --all --json"
)]
pub struct AuditLog {
    /// Only what this account did (its id)
    #[arg(long, value_name = "ID", value_parser = account)]
    actor: Option<UserId>,
    /// Only what was done to this account (its id)
    #[arg(long, value_name = "ID", value_parser = account)]
    subject: Option<UserId>,
    /// Only this, as the events call it: login_failed, roles_changed, …
    #[arg(long, value_parser = action)]
    action: Option<Action>,
    /// At this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    after: Option<Timestamp>,
    /// Before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    /// How many events
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// All events, however many there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// A JSON array, one event a line
    #[arg(long)]
    json: bool,
}

/// How many rows are read at a time.
const PAGE: i64 = 500;

impl AuditLog {
    pub fn run(self, config: Config) -> Result<(), Failure> {
        block_on(async {
            let app = open(config).await?;
            let outcome = self.show(&app.state.db).await;
            app.state.db.close().await;
            outcome
        })
    }

    /// Page by page: the log may be long.
    async fn show(self, db: &Db) -> Result<(), Failure> {
        let filter = Filter {
            actor_id: self.actor,
            subject_id: self.subject,
            action: self.action,
            after: self.after,
            before: self.before,
        };
        let mut left = if self.all { i64::MAX } else { i64::from(self.limit) };
        let mut position = None;
        let mut rows = Rows::begin(self.json)?;
        loop {
            let size = left.min(PAGE);
            let entries = audit::list(&mut db.read().await?, &filter, position, size).await?;
            position = entries.last().map(Position::of);
            let count = i64::try_from(entries.len())?;
            left -= count;
            for entry in entries {
                let event = AuditEvent::from(entry);
                rows.row(&event, &event)?;
            }
            if count < size || left == 0 {
                return rows.end();
            }
        }
    }
}

fn account(id: &str) -> Result<UserId, String> {
    id.parse().map_err(|_| "it is the id of an account, as `stead user list` shows it".into())
}

fn action(name: &str) -> Result<Action, String> {
    Action::ALL.iter().copied().find(|action| action.name() == name).ok_or_else(|| {
        let names: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
        format!("it is one of {}", names.join(", "))
    })
}
