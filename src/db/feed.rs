//! What every replica must hear of: a numbered log of changes to who may do what.
//!
//! A transaction says what it changes with [`Tx::announce`](super::Tx::announce). The numbers are taken
//! as its last act before the commit, under a row lock, so the order of the numbers is the order of the
//! commits, and whoever has read up to `n` has missed nothing. The replica that commits applies its own
//! changes at once; the others read them within one poll.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Mutex;
use uuid::Uuid;

use super::error::DbError;
use super::session::{Session, Tx};
use crate::base::clock::{Clock, Timestamp};
use crate::base::id::{SessionId, UserId};

/// Something that callers may not be believed about any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This session ended.
    Session(SessionId),
    /// The status, the roles or all sessions of this account changed.
    User(UserId),
    /// Keys were made, revoked or wrapped anew.
    Keys,
    /// Anything may have changed: a role was redefined, or this replica cannot know what it missed.
    Everything,
}

/// Where changes come together. Clones share it.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

struct Shared {
    clock: Clock,
    listener: OnceLock<Listener>,
    seen: Mutex<Seen>,
}

/// How far the log was read.
enum Seen {
    Nothing,
    /// It was empty.
    Start,
    Last(Row),
}

type Listener = Box<dyn Fn(&[Change]) + Send + Sync>;

#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
struct Row {
    n: i64,
    occurred_at: Timestamp,
    kind: String,
    subject_id: Option<Uuid>,
}

const COLUMNS: &str = "SELECT n, occurred_at, kind, subject_id FROM access_changes";

const SESSION: &str = "session";
const USER: &str = "user";
const KEYS: &str = "keys";
const EVERYTHING: &str = "everything";

/// Whoever has missed more forgets everything instead of reading it all.
const MOST: i64 = 1000;
/// How long changes are kept, for replicas that are cut off: longer than anything is believed.
const KEPT: Duration = Duration::from_secs(3600);

impl Feed {
    pub(super) fn new(clock: Clock) -> Self {
        Self(Arc::new(Shared { clock, listener: OnceLock::new(), seen: Mutex::new(Seen::Nothing) }))
    }

    /// Tells `listener` of every change from now on; there is one, and it must not wait.
    pub fn listen(&self, listener: impl Fn(&[Change]) + Send + Sync + 'static) {
        _ = self.0.listener.set(Box::new(listener));
    }

    /// Tells the listener of what this replica has just committed.
    pub(super) fn tell(&self, changes: &[Change]) {
        if let Some(listener) = self.0.listener.get().filter(|_| !changes.is_empty()) {
            listener(changes);
        }
    }

    /// Reads what is new and tells the listener; says what it was.
    ///
    /// The last change that was read is read once more: where it is gone, or another one has its number,
    /// the database is not the one we followed (a fail-over, a restored copy).
    pub async fn poll(&self, db: &mut Session) -> Result<Vec<Change>, DbError> {
        let mut seen = self.0.seen.lock().await;
        let (from, last) = match &*seen {
            // Nothing was believed before, so nothing has to be unlearned.
            Seen::Nothing => {
                *seen = newest(db).await?;
                return Ok(Vec::new());
            }
            Seen::Start => (1, None),
            Seen::Last(row) => (row.n, Some(row)),
        };
        let rows: Vec<Row> = db
            .query(COLUMNS)
            .push(" WHERE n >= $? ORDER BY n LIMIT $?")
            .bind(from)
            .bind(MOST)
            .fetch_all()
            .await?;
        let follows = match last {
            Some(last) => rows.first() == Some(last),
            None => rows.first().is_none_or(|first| first.n == 1),
        };
        let changes = if follows && i64::try_from(rows.len()) != Ok(MOST) {
            let new = rows.iter().skip(usize::from(last.is_some()));
            let changes = new.map(Row::change).collect();
            if let Some(last) = rows.into_iter().last() {
                *seen = Seen::Last(last);
            }
            changes
        } else {
            *seen = newest(db).await?;
            vec![Change::Everything]
        };
        self.tell(&changes);
        Ok(changes)
    }

    /// Numbers the changes of a transaction and writes them down: its last act before the commit.
    pub(super) async fn write(&self, tx: &mut Tx, changes: &[Change]) -> Result<(), DbError> {
        let Ok(count @ 1..) = i64::try_from(changes.len()) else { return Ok(()) };
        let (last,): (i64,) =
            tx.query("UPDATE access_clock SET n = n + $1 RETURNING n").bind(count).fetch_one().await?;
        let now = self.0.clock.now();
        for (n, change) in (last - count + 1..).zip(changes) {
            let (kind, subject) = change.columns();
            tx.query("INSERT INTO access_changes (n, occurred_at, kind, subject_id) VALUES ($1, $2, $3, $4)")
                .bind(n)
                .bind(now)
                .bind(kind)
                .bind(subject)
                .execute()
                .await?;
        }
        Ok(())
    }

    /// Deletes what no replica needs any more; the newest stays, so that it can be recognised.
    pub async fn purge(&self, tx: &mut Tx) -> Result<u64, DbError> {
        tx.query("DELETE FROM access_changes WHERE occurred_at < $1 AND n < (SELECT n FROM access_clock)")
            .bind(self.0.clock.now().minus(KEPT))
            .execute()
            .await
    }
}

async fn newest(db: &mut Session) -> Result<Seen, DbError> {
    let row = db.query(COLUMNS).push(" ORDER BY n DESC LIMIT 1").fetch_optional().await?;
    Ok(row.map_or(Seen::Start, Seen::Last))
}

impl Row {
    /// What a newer version writes and this one does not know may be anything.
    fn change(&self) -> Change {
        match (self.kind.as_str(), self.subject_id) {
            (SESSION, Some(id)) => Change::Session(SessionId(id)),
            (USER, Some(id)) => Change::User(UserId(id)),
            (KEYS, _) => Change::Keys,
            _ => Change::Everything,
        }
    }
}

impl Change {
    fn columns(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Session(id) => (SESSION, Some(id.0)),
            Self::User(id) => (USER, Some(id.0)),
            Self::Keys => (KEYS, None),
            Self::Everything => (EVERYTHING, None),
        }
    }
}
