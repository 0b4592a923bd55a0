//! What every replica must hear of: a numbered log of changes to who may do what.
//!
//! A transaction says what it changes with [`Tx::announce`](super::Tx::announce). The numbers are taken
//! as its last act before the commit, under a row lock, so the order of the numbers is the order of the
//! commits, and whoever has read up to `n` has missed nothing. The replica that commits applies its own
//! changes at once; the others read them within one poll.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::change::{Change, Herald};
use super::driver::Driver;
use super::error::DbError;
use super::query::{Query, ReadOnly};
use super::session::{Session, Tx};
use super::time;
use crate::base::clock::{Clock, Timestamp};

/// The log as this replica reads it. Clones share how far it was read.
#[derive(Clone)]
pub struct Feed {
    driver: Driver,
    clock: Clock,
    herald: Herald,
    seen: Arc<Mutex<Seen>>,
}

/// How far the log was read.
enum Seen {
    Nothing,
    /// It was empty.
    Start,
    Last(Row),
}

#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
struct Row {
    n: i64,
    occurred_at: Timestamp,
    kind: String,
    subject_id: Option<Uuid>,
}

const COLUMNS: &str = "SELECT n, occurred_at, kind, subject_id FROM access_changes";

/// Whoever has missed more forgets everything instead of reading it all.
const MOST: i64 = 1000;
/// How long changes are kept, for replicas that are cut off: longer than anything is believed.
const KEPT: Duration = Duration::from_secs(3600);

impl Feed {
    pub(super) fn new(driver: Driver, clock: Clock, herald: Herald) -> Self {
        Self { driver, clock, herald, seen: Arc::new(Mutex::new(Seen::Nothing)) }
    }

    /// Tells `listener` of every change from now on; there is one, and it must not wait.
    pub fn listen(&self, listener: impl Fn(&[Change]) + Send + Sync + 'static) {
        self.herald.listen(listener);
    }

    /// Reads what is new and tells the listener; says what it was. The time comes with it.
    ///
    /// The last change that was read is read once more: where it is gone, or another one has its number,
    /// the database is not the one we followed (a fail-over, a restored copy).
    pub async fn poll(&self, db: &mut Session) -> Result<Vec<Change>, DbError> {
        let mut seen = self.seen.lock().await;
        let (from, last) = match &*seen {
            // Nothing was believed before, so nothing has to be unlearned.
            Seen::Nothing => {
                *seen = self.newest(db).await?;
                return Ok(Vec::new());
            }
            Seen::Start => (1, None),
            Seen::Last(row) => (row.n, Some(row)),
        };
        let rows = self.read(db.query(COLUMNS).push(" WHERE n >= $?").bind(from)).await?;
        let follows = match last {
            Some(last) => rows.first() == Some(last),
            None => rows.first().is_none_or(|first| first.n == 1),
        };
        let changes = if follows && i64::try_from(rows.len()).is_ok_and(|count| count < MOST) {
            let new = rows.iter().skip(usize::from(last.is_some()));
            let changes = new.map(|row| Change::of(&row.kind, row.subject_id)).collect();
            if let Some(last) = rows.into_iter().last() {
                *seen = Seen::Last(last);
            }
            changes
        } else {
            *seen = self.newest(db).await?;
            vec![Change::Everything]
        };
        self.herald.tell(&changes);
        Ok(changes)
    }

    async fn newest(&self, db: &mut Session) -> Result<Seen, DbError> {
        let newest = db.query(COLUMNS).push(" WHERE n = (SELECT max(n) FROM access_changes)");
        Ok(self.read(newest).await?.pop().map_or(Seen::Start, Seen::Last))
    }

    /// Reads rows in order, and what time it is.
    async fn read(&self, rows: Query<'_, ReadOnly>) -> Result<Vec<Row>, DbError> {
        let rows = rows.push(self.driver.and_the_time()).push(" ORDER BY n LIMIT $?").bind(MOST + 1);
        let asked = Instant::now();
        let mut rows: Vec<Row> = rows.fetch_all().await?;
        let told = rows.first().filter(|row| row.n == time::N).map(|row| row.occurred_at);
        time::follow(&self.clock, told, asked);
        if told.is_some() {
            rows.remove(0);
        }
        Ok(rows)
    }

    /// Deletes what no replica needs any more; the newest stays, so that it can be recognised.
    pub async fn purge(&self, tx: &mut Tx) -> Result<u64, DbError> {
        tx.query("DELETE FROM access_changes WHERE occurred_at < $1 AND n < (SELECT n FROM access_clock)")
            .bind(self.clock.now().minus(KEPT))
            .execute()
            .await
    }
}
